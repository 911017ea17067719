import type { Duplex } from 'node:stream';
import { startTimer } from '@rpcplugin/transport-base';
import type { Timer } from '@rpcplugin/transport-base';

/** Whether the peer has sent nothing: then there is no call to wait for, and no session to end. */
export function isSilent(connection: Duplex): boolean {
  return 'bytesRead' in connection && connection.bytesRead === 0;
}

/** Calls back if the peer sends nothing within `ms` milliseconds. Returns the timer. */
export function ifSilent(connection: Duplex, ms: number, callback: () => void): Timer {
  const timer = startTimer(ms, () => {
    if (isSilent(connection)) callback();
  });
  connection.once('close', () => {
    timer.cancel();
  });
  return timer;
}
