import { beforeEach, describe, it } from 'vitest';
import type { Peer } from './peers.js';

/** Describes a group of tests. `pnpm interop-table` makes the table in docs/interop.md of these. */
export interface Shown {
  readonly peer: Peer;
  /** The peer's role towards the TypeScript side, such as `host of a TypeScript plugin`. */
  readonly role: string;
  /** The network and its security, such as `unix, AutoMTLS`. */
  readonly over: string;
}

declare module 'vitest' {
  interface TaskMeta {
    interop?: { peer: string; version: string; role: string; over: string };
  }
}

/** Groups the tests with a peer. If the peer is missing, they are skipped; with `INTEROP=required` they fail. */
export function describeInterop({ peer, role, over }: Shown, tests: () => void): void {
  const { name, version, packages } = peer;
  describe(`${name} as ${role}, over ${over}`, () => {
    if (version === undefined) {
      const title = `needs the Debian packages ${packages.join(', ')}`;
      it.skipIf(process.env['INTEROP'] !== 'required')(title, () => {
        throw new Error(`${name} is not installed`);
      });
      return;
    }
    beforeEach(({ task }) => {
      task.meta.interop = { peer: name, version, role, over };
    });
    tests();
  });
}
