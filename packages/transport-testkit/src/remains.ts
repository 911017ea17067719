import { readdirSync, readlinkSync } from 'node:fs';

/** What a transport could leave in a process. */
export interface Resources {
  /** What descriptors refer to, where `/proc` tells. No address is used twice at a time, so each tells one thing. */
  readonly descriptors: ReadonlySet<string>;
  readonly timers: number;
  /** How many listeners the process has, by event. */
  readonly listeners: ReadonlyMap<string | symbol, number>;
}

export function resourcesNow(): Resources {
  return {
    descriptors: descriptorsNow(),
    timers: process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length,
    listeners: new Map(process.eventNames().map((event) => [event, process.listenerCount(event)])),
  };
}

/** What there is now that was not there before. */
export function remains(before: Resources): string[] {
  const now = resourcesNow();
  return [
    ...[...now.descriptors].filter((descriptor) => !before.descriptors.has(descriptor)),
    ...[...now.listeners]
      .filter(([event, count]) => count > (before.listeners.get(event) ?? 0))
      .map(([event]) => `a listener of the process for ${String(event)}`),
    ...(now.timers > before.timers ? [`${now.timers - before.timers} timers`] : []),
  ];
}

function descriptorsNow(): Set<string> {
  if (process.platform !== 'linux') return new Set();
  const targets = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      // That of the listing itself.
      return '';
    }
  });
  // The event loop keeps that of inotify for good, once anybody has watched a file.
  return new Set(targets.filter((target) => target !== '' && target !== 'anon_inode:inotify'));
}
