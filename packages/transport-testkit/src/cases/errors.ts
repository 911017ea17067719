import assert from 'node:assert/strict';
import { TransportError } from '@rpcplugin/transport-core';
import { rejectionOf } from '../bench.js';
import type { Bench } from '../bench.js';
import { runElsewhere } from '../other-process.js';
import { closed } from '../streams.js';
import { NEVER_MS } from '../waiting.js';
import type { CaseDefinition } from './definition.js';

interface Failure {
  readonly what: string;
  readonly error: unknown;
  readonly codes: readonly string[];
  /** What the error is to name, if an endpoint is known. */
  readonly endpoint?: string;
  /** Whether nobody can do anything about it. */
  readonly hopeless?: boolean;
}

export const errorCases: readonly CaseDefinition[] = [
  {
    requirement: 'E1',
    title: 'every rejection is a TransportError with a code and says what went wrong',
    async run(bench) {
      for (const { what, error, codes } of await failures(bench)) {
        assert.ok(TransportError.isInstance(error), `${what}: it is no TransportError but ${String(error)}`);
        assert.ok(codes.includes(error.code), `${what}: the code is ${error.code}, not ${codes.join(' or ')}`);
        assert.ok(error.message.length >= 10, `${what}: the message is ${JSON.stringify(error.message)}`);
      }
    },
  },
  {
    requirement: 'E1',
    title: 'a rejection names the endpoint where one is known',
    async run(bench) {
      for (const { what, error, endpoint } of await failures(bench)) {
        if (endpoint !== undefined) assert.equal((error as Partial<TransportError>).endpoint, endpoint, what);
      }
    },
  },
  {
    requirement: 'E1',
    title: 'a rejection has a hint where a person can act',
    async run(bench) {
      for (const { what, error, hopeless } of await failures(bench)) {
        const { hint = '' } = error as Partial<TransportError>;
        assert.ok(hopeless === true || hint.length >= 10, `${what}: the hint is ${JSON.stringify(hint)}`);
      }
    },
  },
  {
    requirement: 'E1',
    title: 'the cause of a time-out is what went wrong last',
    async run(bench) {
      const endpoint = await bench.nobody();
      const absent = await rejectionOf(bench.dial(endpoint, { waitMs: 0 }));
      const late = (await rejectionOf(bench.dial(endpoint, { waitMs: NEVER_MS, timeoutMs: 20 }))) as Error;
      assert.ok(late.cause instanceof Error, 'a time-out has no cause');
      assert.equal(codeBeneath(late.cause), codeBeneath(absent));
    },
  },
  {
    requirement: 'E1',
    title: 'a call that rejects has not thrown',
    async run(bench) {
      const transport = await bench.create();
      const calls = [
        () => transport.listen({ onConnection: 5 as never }),
        () => transport.connect(undefined as never),
        () => transport.connect('', { timeoutMs: 'soon' as never }),
        () => transport.close({ graceMs: NaN }),
      ];
      for (const call of calls) {
        let promise: Promise<unknown> | undefined;
        assert.doesNotThrow(() => {
          promise = call();
        });
        await rejectionOf(promise ?? Promise.resolve());
      }
    },
  },
  {
    requirement: 'E2',
    title: 'somebody listens to the errors of every connection',
    async run(bench) {
      const { near, far } = await bench.pair();
      for (const connection of [near, far]) {
        assert.ok(connection.listenerCount('error') > 0, 'an error would end the process');
        connection.destroy(new Error('from the case'));
        await closed(connection);
      }
    },
  },
  {
    requirement: 'E2',
    title: 'errors on connections that nobody listens to do not end a process',
    needs: ['module'],
    async run(bench) {
      assert.equal(await runElsewhere(bench.subject, 'errors'), 'true');
    },
  },
];

/** One of each kind of rejection. */
async function failures(bench: Bench): Promise<Failure[]> {
  const { listener, endpoint } = await bench.echoServer();
  const closedOne = await bench.create();
  await closedOne.close();
  const dialer = await bench.create();
  const absent = bench.absences()[0];
  const nobody = await bench.nobody();
  const { malformed = [], foreign = [], createAt } = bench.subject.capabilities ?? {};
  const invalid = [...malformed.filter((text) => text !== ''), ...foreign].map(async (text) => ({
    what: JSON.stringify(text),
    error: await rejectionOf(dialer.connect(text), JSON.stringify(text)),
    codes: ['INVALID_ENDPOINT'],
    endpoint: text,
  }));
  const bad = { codes: ['INVALID_ARGUMENT'] };
  return [
    ...(await Promise.all(invalid)),
    ...(createAt === undefined
      ? []
      : [
          {
            what: 'an address in use',
            error: await rejectionOf((await bench.createAt(endpoint)).listen(), 'an address in use'),
            codes: ['ADDRESS_IN_USE'],
            endpoint,
          },
        ]),
    {
      what: 'a second listen',
      error: await rejectionOf(listener.listen(), 'a second listen'),
      codes: ['ALREADY_LISTENING'],
      endpoint,
    },
    {
      what: 'nobody there',
      error: await rejectionOf(dialer.connect(nobody, { waitMs: 0 }), 'nobody there'),
      codes: absent?.codes ?? [],
      endpoint: nobody,
    },
    {
      what: 'a time-out',
      error: await rejectionOf(dialer.connect(nobody, { waitMs: NEVER_MS, timeoutMs: 20 }), 'a time-out'),
      codes: ['TIMEOUT'],
      endpoint: nobody,
    },
    {
      what: 'an aborted connect',
      error: await rejectionOf(dialer.connect(endpoint, { signal: AbortSignal.abort() }), 'an aborted connect'),
      codes: ['ABORTED'],
      endpoint,
      hopeless: true,
    },
    {
      what: 'an aborted listen',
      error: await rejectionOf(dialer.listen({ signal: AbortSignal.abort() }), 'an aborted listen'),
      codes: ['ABORTED'],
      hopeless: true,
    },
    {
      what: 'an endpoint that is no text',
      error: await rejectionOf(dialer.connect(5 as never), 'an endpoint that is no text'),
      codes: ['INVALID_ENDPOINT'],
    },
    {
      what: 'a listen after close',
      error: await rejectionOf(closedOne.listen(), 'a listen after close'),
      codes: ['CLOSED'],
    },
    {
      what: 'a connect after close',
      error: await rejectionOf(closedOne.connect(endpoint), 'a connect after close'),
      codes: ['CLOSED'],
    },
    {
      what: 'a bad handler',
      error: await rejectionOf(dialer.listen({ onConnection: 5 as never }), 'a bad handler'),
      ...bad,
    },
    { what: 'a bad signal', error: await rejectionOf(dialer.listen({ signal: 5 as never }), 'a bad signal'), ...bad },
    {
      what: 'a bad time limit',
      error: await rejectionOf(dialer.connect(endpoint, { timeoutMs: NaN }), 'a bad time limit'),
      ...bad,
    },
    { what: 'a bad wait', error: await rejectionOf(dialer.connect(endpoint, { waitMs: -1 }), 'a bad wait'), ...bad },
    { what: 'a bad grace', error: await rejectionOf(dialer.close({ graceMs: -1 }), 'a bad grace'), ...bad },
  ];
}

/** The code of what is at the bottom of an error's causes. */
function codeBeneath(error: unknown): unknown {
  if (!(error instanceof Error)) return undefined;
  return codeBeneath(error.cause) ?? ('code' in error ? error.code : undefined);
}
