import type { Transport } from '@rpcplugin/transport-core';
import { onTestFinished } from 'vitest';

/** Closes a transport after the test. */
export function closeAfterTest<T extends Transport>(transport: T): T {
  onTestFinished(() => transport.close({ graceMs: 0 }));
  return transport;
}
