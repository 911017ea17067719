import { inspect } from 'node:util';
import { turns } from '@rpcplugin/test-support';
import fc from 'fast-check';
import type { History } from './history.js';
import type { Call, Connection, End, Model, TransportModel } from './model.js';
import { NEVER_MS } from './model.js';

type Command = fc.AsyncCommand<Model, History>;

/**
 * Starts an action without waiting for it. A turn of the event loop follows, so that the model learns what has
 * settled.
 */
class Begin implements Command {
  constructor(
    readonly name: string,
    readonly check: (model: Readonly<Model>) => boolean,
    readonly begin: (history: History, model: Model) => void,
  ) {}

  async run(model: Model, history: History): Promise<void> {
    this.begin(history, model);
    await turns(1);
    history.assertSound();
  }

  toString(): string {
    return this.name;
  }
}

class Wait implements Command {
  constructor(
    readonly name: string,
    readonly check: (model: Readonly<Model>) => boolean,
    readonly wait: (history: History, model: Model) => Promise<void>,
  ) {}

  async run(model: Model, history: History): Promise<void> {
    await this.wait(history, model);
    history.assertSound();
  }

  toString(): string {
    return this.name;
  }
}

/** Things in the model that a command can pick from. */
interface Kind<T> {
  readonly name: string;
  readonly all: (model: Readonly<Model>) => readonly T[];
}

const transports: Kind<TransportModel> = { name: 'transport', all: (model) => model.transports };
const listening: Kind<TransportModel> = {
  name: 'listening',
  all: (model) => model.transports.filter(({ listener }) => listener !== undefined),
};
const abortable: Kind<Call> = { name: 'call', all: (model) => model.abortable };
const connections: Kind<Connection> = { name: 'connection', all: (model) => model.connections };
const near: Kind<End> = { name: 'near', all: (model) => model.connections.map((connection) => connection.near) };
const far: Kind<End> = { name: 'far', all: (model) => model.connections.flatMap((connection) => connection.far ?? []) };
/** Calls that settle by themselves. */
const pending: Kind<Call> = {
  name: 'pending',
  all: (model) => model.pending.filter((call) => model.settlesByItself(call)),
};

/** An index, counted from the latest, so that most actions happen to new things. */
const index = fc.nat(3);

function pick<T>({ all }: Kind<T>, index: number, model: Readonly<Model>): T | undefined {
  const those = all(model);
  return those[those.length - 1 - (index % those.length)];
}

function begin<T, O>(
  kind: Kind<T>,
  method: string,
  options: fc.Arbitrary<O>,
  action: (history: History, one: T, options: O, model: Model) => void,
): fc.Arbitrary<Begin> {
  return fc.tuple(index, options).map(([index, options]) => {
    const argument = options === undefined ? '' : inspect(options, { breakLength: Infinity });
    const name = `${kind.name}(${index}).${method}(${argument})`;
    const check = (model: Readonly<Model>): boolean => pick(kind, index, model) !== undefined;
    return new Begin(name, check, (history, model) => {
      const one = pick(kind, index, model);
      if (one !== undefined) action(history, one, options, model);
    });
  });
}

function wait<T>(kind: Kind<T>, what: string, action: (history: History, one: T) => Promise<void>): fc.Arbitrary<Wait> {
  return index.map((index) => {
    const check = (model: Readonly<Model>): boolean => pick(kind, index, model) !== undefined;
    return new Wait(`${kind.name}(${index}).${what}()`, check, async (history, model) => {
      const one = pick(kind, index, model);
      if (one !== undefined) await action(history, one);
    });
  });
}

/** Runs several actions in one turn of the event loop, those that are possible by then. */
function together(begins: readonly Begin[]): Begin {
  const check = (model: Readonly<Model>): boolean => begins.some((each) => each.check(model));
  return new Begin(`together(${begins.join(', ')})`, check, (history, model) => {
    for (const each of begins) if (each.check(model)) each.begin(history, model);
  });
}

const seldom = fc.nat(9).map((number) => number === 9);
const mostly = fc.nat(4).map((number) => number < 3);
const none = fc.constant(undefined);
/** The largest does not fit the buffers between two ends. */
const bytes = fc.constantFrom(1, 1000, 100_000, 1_500_000);
const graceMs = fc.constantFrom(0, 3, NEVER_MS, Infinity);

const create = fc.constant(
  new Begin(
    'create()',
    (model) => model.transports.length < 6,
    (history) => {
      history.create();
    },
  ),
);
const plain = { noNullPrototype: true };
const listenOptions = fc.record({ allowHalfOpen: fc.boolean(), reads: mostly, aborted: seldom }, plain);
const listen = begin(transports, 'listen', listenOptions, (history, transport, options) => {
  history.listen(transport, options);
});
const connectOptions = fc.record(
  {
    to: index,
    /** Whether to connect to a transport that listens. */
    toListener: mostly,
    waitMs: fc.constantFrom(0, 0, 3, NEVER_MS),
    timeoutMs: fc.constantFrom(NEVER_MS, NEVER_MS, NEVER_MS, 2),
    allowHalfOpen: fc.boolean(),
    reads: mostly,
    aborted: seldom,
  },
  plain,
);
const connect = begin(
  transports,
  'connect',
  connectOptions,
  (history, transport, { to, toListener, ...options }, model) => {
    const target = (toListener ? pick(listening, to, model) : undefined) ?? pick(transports, to, model) ?? transport;
    history.connect(transport, target, options);
  },
);
/** Aborts settled calls too, which must do nothing. */
const abort = begin(abortable, 'abort', none, (history, call) => {
  history.abort(call);
});
const stopListening = begin(transports, 'stopListening', none, (history, transport) => {
  history.stopListening(transport);
});
/** The grace periods of one caller, or of two at once. */
const graces = fc.array(graceMs, { minLength: 1, maxLength: 2 });
const close = begin(transports, 'close', graces, (history, transport, graces) => {
  for (const graceMs of graces) history.close(transport, graceMs);
});
/** All ends of a transport that do not read start to. */
const read = begin(transports, 'read', none, (history, transport) => {
  history.read(transport);
});

/** The actions at one end of a connection. */
function atEnd(end: Kind<End>): fc.WeightedArbitrary<Begin>[] {
  const send = begin(end, 'send', bytes, (history, end, bytes) => {
    history.send(end, bytes);
  });
  const closing = fc.record({ bytes, closes: fc.constantFrom<'writer' | 'reader'>('writer', 'reader') }, plain);
  const sendAndClose = begin(end, 'sendAndClose', closing, (history, end, { bytes, closes }, model) => {
    history.send(end, bytes);
    const closed = closes === 'writer' ? end : model.peerOf(end);
    if (closed !== undefined) history.close(closed.transport, Infinity);
  });
  const halfClose = begin(end, 'halfClose', none, (history, end) => {
    history.halfClose(end);
  });
  const reset = begin(end, 'reset', none, (history, end) => {
    history.reset(end);
  });
  return [
    { weight: 8, arbitrary: send },
    { weight: 2, arbitrary: sendAndClose },
    { weight: 2, arbitrary: halfClose },
    { weight: 1, arbitrary: reset },
  ];
}

const step = fc.oneof(
  { weight: 3, arbitrary: create },
  { weight: 10, arbitrary: listen },
  { weight: 16, arbitrary: connect },
  { weight: 3, arbitrary: abort },
  { weight: 2, arbitrary: stopListening },
  { weight: 2, arbitrary: close },
  { weight: 1, arbitrary: read },
  ...atEnd(near),
  ...atEnd(far),
);
const pass = fc.integer({ min: 1, max: 12 }).map(
  (count) =>
    new Wait(
      `turns(${count})`,
      () => true,
      () => turns(count),
    ),
);
const settle = wait(pending, 'settle', (history, call) => history.settle(call));
const deliver = wait(connections, 'deliver', (history, connection) => history.deliver(connection));

/** Any order and overlap of up to 25 commands. */
export const histories: fc.Arbitrary<Iterable<Command>> = fc.commands(
  [
    fc.oneof(
      { weight: 8, arbitrary: step },
      { weight: 3, arbitrary: fc.array(step, { minLength: 2, maxLength: 4 }).map(together) },
      { weight: 1, arbitrary: pass },
      { weight: 5, arbitrary: settle },
      { weight: 1, arbitrary: deliver },
    ),
  ],
  { maxCommands: 25, size: 'max' },
);
