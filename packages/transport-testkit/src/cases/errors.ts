import assert from 'node:assert/strict';
import { TransportError } from '@rpcplugin/transport-core';
import type { Transport } from '@rpcplugin/transport-core';
import { rejectionOf } from '../fixture.js';
import type { Fixture } from '../fixture.js';
import { runElsewhere } from '../other-process.js';
import { closed } from '../streams.js';
import { NEVER_MS } from '../waiting.js';
import type { CaseDefinition } from './definition.js';

interface Failure {
  readonly what: string;
  readonly error: unknown;
  readonly codes: readonly string[];
  /** The endpoint that the error must name. */
  readonly endpoint?: string;
  /** Whether the error needs no hint, since there is nothing to fix. */
  readonly needsNoHint?: boolean;
}

export const errorCases: readonly CaseDefinition[] = [
  {
    requirement: 'E1',
    title: 'rejects with a TransportError that has a code and a message',
    async run(fixture) {
      for (const { what, error, codes } of await failures(fixture)) {
        assert.ok(TransportError.isInstance(error), `${what}: expected a TransportError, got ${String(error)}`);
        assert.ok(codes.includes(error.code), `${what}: expected the code ${codes.join(' or ')}, got ${error.code}`);
        assert.ok(error.message.length >= 10, `${what}: the message is too short: ${JSON.stringify(error.message)}`);
      }
    },
  },
  {
    requirement: 'E1',
    title: 'names the endpoint if one is known',
    async run(fixture) {
      for (const { what, error, endpoint } of await failures(fixture)) {
        if (endpoint !== undefined) assert.equal((error as Partial<TransportError>).endpoint, endpoint, what);
      }
    },
  },
  {
    requirement: 'E1',
    title: 'gives a hint if a person can fix the error',
    async run(fixture) {
      for (const { what, error, needsNoHint } of await failures(fixture)) {
        const { hint = '' } = error as Partial<TransportError>;
        assert.ok(needsNoHint === true || hint.length >= 10, `${what}: the hint is too short: ${JSON.stringify(hint)}`);
      }
    },
  },
  {
    requirement: 'E1',
    title: 'reports the last failed attempt as the cause of a TIMEOUT',
    needsAddress: true,
    async run(fixture) {
      const endpoint = await fixture.unusedEndpoint();
      const absent = await rejectionOf(fixture.dial(endpoint, { waitMs: 0 }));
      const late = (await rejectionOf(fixture.dial(endpoint, { waitMs: NEVER_MS, timeoutMs: 20 }))) as Error;
      assert.ok(late.cause instanceof Error, 'the TIMEOUT has no cause');
      assert.equal(codeBeneath(late.cause), codeBeneath(absent));
    },
  },
  {
    requirement: 'E1',
    title: 'rejects instead of throwing',
    async run(fixture) {
      const transport = await fixture.create();
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
    title: 'keeps an error listener on every connection',
    async run(fixture) {
      const { near, far } = await fixture.pair();
      for (const connection of [near, far]) {
        assert.ok(connection.listenerCount('error') > 0, 'an error would crash the process');
        connection.destroy(new Error('from the case'));
        await closed(connection);
      }
    },
  },
  {
    requirement: 'E2',
    title: 'keeps a process alive when connections without an error listener fail',
    needs: ['module'],
    async run(fixture) {
      assert.equal(await runElsewhere(fixture.capability('module'), 'errors'), 'true');
    },
  },
];

/** Provokes every kind of rejection once. */
async function failures(fixture: Fixture): Promise<Failure[]> {
  const { listener, endpoint } = await fixture.echoServer();
  const dialer = await fixture.createDialer();
  const closedTransport = await fixture.create();
  await closedTransport.close();
  const { malformed = [], foreign = [], createAt } = fixture.subject.capabilities ?? {};
  const invalid = [...malformed.filter((text) => text !== ''), ...foreign].map(async (text) => ({
    what: JSON.stringify(text),
    error: await rejectionOf(dialer.connect(text), JSON.stringify(text)),
    codes: ['INVALID_ENDPOINT'],
    endpoint: text,
  }));
  const invalidArgument = { codes: ['INVALID_ARGUMENT'] };
  return [
    ...(await Promise.all(invalid)),
    ...(createAt === undefined
      ? []
      : [
          {
            what: 'an address in use',
            error: await rejectionOf((await fixture.createAt(endpoint)).listen(), 'an address in use'),
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
    ...(fixture.hasOneConnection ? [] : await failuresToReach(fixture, dialer)),
    {
      what: 'an aborted connect',
      error: await rejectionOf(dialer.connect(endpoint, { signal: AbortSignal.abort() }), 'an aborted connect'),
      codes: ['ABORTED'],
      endpoint,
      needsNoHint: true,
    },
    {
      what: 'an aborted listen',
      error: await rejectionOf(dialer.listen({ signal: AbortSignal.abort() }), 'an aborted listen'),
      codes: ['ABORTED'],
      needsNoHint: true,
    },
    {
      what: 'an endpoint that is not a string',
      error: await rejectionOf(dialer.connect(5 as never), 'an endpoint that is not a string'),
      codes: ['INVALID_ENDPOINT'],
    },
    {
      what: 'a listen after close',
      error: await rejectionOf(closedTransport.listen(), 'a listen after close'),
      codes: ['CLOSED'],
    },
    {
      what: 'a connect after close',
      error: await rejectionOf(closedTransport.connect(endpoint), 'a connect after close'),
      codes: ['CLOSED'],
    },
    {
      what: 'an invalid handler',
      error: await rejectionOf(dialer.listen({ onConnection: 5 as never }), 'an invalid handler'),
      ...invalidArgument,
    },
    {
      what: 'an invalid signal',
      error: await rejectionOf(dialer.listen({ signal: 5 as never }), 'an invalid signal'),
      ...invalidArgument,
    },
    {
      what: 'an invalid timeoutMs',
      error: await rejectionOf(dialer.connect(endpoint, { timeoutMs: NaN }), 'an invalid timeoutMs'),
      ...invalidArgument,
    },
    {
      what: 'an invalid waitMs',
      error: await rejectionOf(dialer.connect(endpoint, { waitMs: -1 }), 'an invalid waitMs'),
      ...invalidArgument,
    },
    {
      what: 'an invalid graceMs',
      error: await rejectionOf(dialer.close({ graceMs: -1 }), 'an invalid graceMs'),
      ...invalidArgument,
    },
  ];
}

/** Provokes the rejections of a connect to an endpoint where nothing listens. */
async function failuresToReach(fixture: Fixture, dialer: Transport): Promise<Failure[]> {
  const [{ codes, make }] = fixture.absences();
  const endpoint = await make();
  return [
    {
      what: 'no listener',
      error: await rejectionOf(dialer.connect(endpoint, { waitMs: 0 }), 'no listener'),
      codes,
      endpoint,
    },
    {
      what: 'a timeout',
      error: await rejectionOf(dialer.connect(endpoint, { waitMs: NEVER_MS, timeoutMs: 20 }), 'a timeout'),
      codes: ['TIMEOUT'],
      endpoint,
    },
  ];
}

/** The code of the innermost cause that has one. */
function codeBeneath(error: unknown): unknown {
  if (!(error instanceof Error)) return undefined;
  return codeBeneath(error.cause) ?? ('code' in error ? error.code : undefined);
}
