// What can happen to a machine, and what its callers notice.
import { until } from '@rpcplugin/test-support/process';
import type { Outcome } from './load.js';
import type { ClientConnection, ClientProcess } from './programs.js';
import type { PluginMachine, Site } from './site.js';
import type { Way } from './policies.js';

/** How long no call may fail until all is well again, in milliseconds. */
const STEADY_MS = 1000;

export interface Fault {
  begin(machine: PluginMachine): Promise<void> | void;
  end(machine: PluginMachine): Promise<void> | void;
}

export const faults = {
  'link down': { begin: ({ host }) => host.unplug(), end: ({ host }) => host.plug() },
  SIGSTOP: {
    begin: (machine) => {
      machine.signal('SIGSTOP');
    },
    end: (machine) => {
      machine.signal('SIGCONT');
    },
  },
  SIGTERM: { begin: (machine) => machine.stop(), end: (machine) => machine.start() },
  SIGKILL: { begin: (machine) => machine.kill(), end: (machine) => machine.start() },
} satisfies Record<string, Fault>;

/** The calls on one connection, before, during and after a fault. */
export class CallHistory {
  readonly #connection: ClientConnection;
  readonly #outcomes: Outcome[] = [];
  /** When the fault began and ended, as of `Date.now()`. */
  #began = Infinity;
  #ended = Infinity;
  /** When the machine served again: to start its plugin takes a while. */
  #served = Infinity;

  constructor(connection: ClientConnection) {
    this.#connection = connection;
  }

  begin(): void {
    this.#began = Date.now();
  }

  end(): void {
    this.#ended = Date.now();
  }

  serveAgain(): void {
    this.#served = Date.now();
  }

  /** Resolves once `isMet` holds for the outcomes of the calls that began since `since`, which is now by default. */
  async until(isMet: (outcomes: Outcome[]) => boolean, limitMs: number, since = Date.now()): Promise<void> {
    await until(
      async () => {
        this.#outcomes.push(...(await this.#connection.take()));
        return isMet(this.#outcomes.filter(({ at }) => at >= since));
      },
      { timeoutMs: limitMs },
    );
  }

  /** Resolves once no call has failed for a second. */
  recovered(limitMs: number): Promise<void> {
    let since = Date.now();
    return this.until((outcomes) => {
      const failed = outcomes.filter(hasFailed);
      since = Math.max(since, ...failed.map(({ at }) => at + 1));
      return outcomes.some(({ at }) => at > since + STEADY_MS);
    }, limitMs);
  }

  /** The calls that began during the fault, or those in progress when it began. */
  get during(): Outcome[] {
    return this.#outcomes.filter(({ at, ms }) => at + ms >= this.#began && at < this.#ended);
  }

  get after(): Outcome[] {
    return this.#outcomes.filter(({ at }) => at >= this.#ended);
  }

  /** How long after the beginning of the fault the last call began that failed during it, in milliseconds. */
  get recoveredMs(): number {
    return Math.max(0, ...this.during.filter(hasFailed).map(({ at }) => at - this.#began));
  }

  /** How long a machine that serves again took to answer, in milliseconds. */
  backMs(machine: string): number | undefined {
    const first = this.after.find((outcome) => outcome.machine === machine);
    // It may answer before this process hears that it serves.
    return first && Math.max(0, first.at + first.ms - this.#served);
  }
}

export function hasFailed({ status }: Outcome): boolean {
  return status !== 'OK';
}

/** The share of the calls that failed. */
export function failedShare(outcomes: readonly Outcome[]): number {
  return outcomes.filter(hasFailed).length / outcomes.length;
}

export interface Observation<Name extends string> {
  readonly client: ClientProcess;
  readonly ways: Readonly<Record<Name, Way>>;
  /** How long each call may take, in milliseconds. */
  readonly deadlineMs: number;
  /** Resolves once the fault has lasted long enough for a connection. */
  readonly during: (history: CallHistory) => Promise<void>;
  /** How long the machine may take to answer again, in milliseconds. */
  readonly backMs: number;
}

/** Connects in several ways, lets something happen to the first machine, and mends it. */
export async function observe<Name extends string>(
  site: Site,
  fault: Fault,
  { client, ways, deadlineMs, during, backMs }: Observation<Name>,
): Promise<Record<Name, CallHistory>> {
  const machine = site.first;
  const observed = await Promise.all(
    (Object.keys(ways) as Name[]).map(async (name) => {
      const way = ways[name];
      const connection = await client.connect(site.list(), way.options);
      await connection.load(deadlineMs);
      return { name, way, connection, history: new CallHistory(connection) };
    }),
  );
  const each = (action: (of: (typeof observed)[number]) => Promise<void>): Promise<unknown> =>
    Promise.all(observed.map(action));

  await each(({ history, way }) =>
    history.until((outcomes) => machinesIn(outcomes).size === (way.isBalanced ? site.machines.length : 1), backMs),
  );
  for (const { history } of observed) history.begin();
  await fault.begin(machine);
  await each(({ history }) => during(history));
  for (const { history } of observed) history.end();
  await fault.end(machine);
  for (const { history } of observed) history.serveAgain();
  await each(({ history, way }) =>
    history.until((outcomes) => !way.isBalanced || machinesIn(outcomes).has(machine.name), backMs),
  );
  await each(({ connection }) => connection.close());
  return Object.fromEntries(observed.map(({ name, history }) => [name, history])) as Record<Name, CallHistory>;
}

/** The machines that answered. */
export function machinesIn(outcomes: readonly Outcome[]): Set<string> {
  return new Set(outcomes.flatMap(({ machine }) => machine ?? []));
}
