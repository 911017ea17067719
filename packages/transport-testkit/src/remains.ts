import { readdirSync, readlinkSync } from 'node:fs';

/** Resources of this process that a transport could leave open. */
export interface Resources {
  /** The targets of open descriptors, where `/proc` lists them. No two of them have the same target at a time. */
  readonly descriptors: ReadonlySet<string>;
  readonly timers: number;
  /** How many listeners `process` has, by event. */
  readonly listeners: ReadonlyMap<string | symbol, number>;
}

/** Lists the resources in use. */
export function resourcesNow(): Resources {
  return {
    descriptors: descriptorsNow(),
    timers: process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length,
    listeners: new Map(process.eventNames().map((event) => [event, process.listenerCount(event)])),
  };
}

/** Describes the resources in use that were not in use before. */
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
      // The descriptor of the listing itself, which is closed.
      return '';
    }
  });
  // libuv keeps its inotify descriptor for good once a file was watched.
  return new Set(targets.filter((target) => target !== '' && target !== 'anon_inode:inotify'));
}
