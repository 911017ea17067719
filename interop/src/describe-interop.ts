import { beforeEach, describe, it } from 'vitest';
import type { Peer } from './peers.js';

/** What tests show of a peer: from these the README's table is made. */
export interface Shown {
  readonly peer: Peer;
  /** What the peer is to the TypeScript side, such as `host of a TypeScript plugin`. */
  readonly role: string;
  /** Over which network, and how secured, such as `unix, AutoMTLS`. */
  readonly over: string;
}

declare module 'vitest' {
  interface TaskMeta {
    interop?: { peer: string; version: string; role: string; over: string };
  }
}

/** Tests with a peer. On a machine without it they are skipped, and say so; with `INTEROP=required` they then fail. */
export function describeInterop({ peer, role, over }: Shown, tests: () => void): void {
  const { name, version, packages } = peer;
  describe(`${name} as ${role}, over ${over}`, () => {
    if (version === undefined) {
      const title = `needs the Debian packages ${packages.join(', ')}`;
      it.skipIf(process.env['INTEROP'] !== 'required')(title, () => {
        throw new Error(`the machine has no ${name}`);
      });
      return;
    }
    beforeEach(({ task }) => {
      task.meta.interop = { peer: name, version, role, over };
    });
    tests();
  });
}
