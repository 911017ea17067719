import type { experimental } from '@grpc/grpc-js';

// Each channel that is dialled has a pool for its one subchannel. The pool looks every 10 s whether anything uses the
// subchannel, which would wake a host of many idle plugins all the time. Instead, the policy says when it is unused.
//
// This relies on internals of grpc-js, and test/subchannel-pool.test.ts fails if they change: the subchannels of a
// policy have their channel in `channel`, and the channel has its pool in `subchannelPool`. The pool keeps subchannels
// until `unrefUnusedSubchannels`, which its `cleanupTimer` calls, and starts a timer only if `cleanupTimer` is `null`.
// In a version of grpc-js without these, the timer goes on.

interface SubchannelPool {
  readonly cleanupTimer?: NodeJS.Timeout | null;
  unrefUnusedSubchannels?(): void;
}

function poolOf(subchannel: experimental.SubchannelInterface): SubchannelPool | undefined {
  return (subchannel as { channel?: { subchannelPool?: SubchannelPool } }).channel?.subchannelPool;
}

/** Stops the timer of the pool that a subchannel is in. {@link dropUnused} must be called in its place. */
export function stopCleanupTimer(subchannel: experimental.SubchannelInterface): void {
  const pool = poolOf(subchannel);
  if (typeof pool?.unrefUnusedSubchannels === 'function') clearInterval(pool.cleanupTimer ?? undefined);
}

/** Closes a subchannel that nothing uses any more, and with it its connection. */
export function dropUnused(subchannel: experimental.SubchannelInterface): void {
  poolOf(subchannel)?.unrefUnusedSubchannels?.();
}
