import { join } from 'node:path';
import { context, SpanKind, SpanStatusCode } from '@opentelemetry/api';
import type { Attributes } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import type { Histogram } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { closeAfterTest, freshDirectory, rejectionOf } from '@rpcplugin/test-support';
import { TCPSocketTransport } from '@rpcplugin/transport-tcp';
import { UnixSocketTransport } from '@rpcplugin/transport-unix';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { observeTransports } from '../src/telemetry.js';

/** On a busy machine as well. */
const soon = { timeout: 20_000 };

/** OpenTelemetry's SDK with exporters in memory, until the end of the test. */
function sdk() {
  const spans = new InMemorySpanExporter();
  const tracers = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter });
  const meters = new MeterProvider({ readers: [reader] });
  const tracer = tracers.getTracer('test');
  const stop = observeTransports({ tracer, meter: meters.getMeter('test') });
  onTestFinished(async () => {
    stop();
    await Promise.all([tracers.shutdown(), meters.shutdown()]);
  });
  /** The points of a metric, each as its attributes and value. */
  const points = async <T = number>(name: string): Promise<[Attributes, T][]> => {
    await reader.forceFlush();
    const all = exporter
      .getMetrics()
      .at(-1)
      ?.scopeMetrics.flatMap(({ metrics }) => metrics);
    const metric = all?.find(({ descriptor }) => descriptor.name === `rpcplugin.transport.${name}`);
    return (metric?.dataPoints ?? []).map(({ attributes, value }) => [attributes, value as T]);
  };
  return { spans: () => spans.getFinishedSpans(), points, tracer, stop };
}

const unix = { 'network.transport': 'unix' };
const tcp = { 'network.transport': 'tcp' };

describe('spans', () => {
  beforeAll(() => {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  });
  afterAll(() => {
    context.disable();
  });

  it('has a span for a connect, in the span of its caller', async () => {
    const { spans, tracer } = sdk();
    const endpoint = await closeAfterTest(new UnixSocketTransport()).listen();
    await tracer.startActiveSpan('start the plugin', async (caller) => {
      await closeAfterTest(new UnixSocketTransport()).connect(endpoint);
      caller.end();
    });
    const [connect, caller] = spans();
    expect(connect).toMatchObject({
      name: 'connect unix',
      kind: SpanKind.CLIENT,
      status: { code: SpanStatusCode.UNSET },
      attributes: { ...unix, 'server.address': endpoint.replace('unix:', '') },
      parentSpanContext: { spanId: caller?.spanContext().spanId },
    });
  });

  it('names host and port of a TCP endpoint', async () => {
    const { spans } = sdk();
    const endpoint = await closeAfterTest(new TCPSocketTransport()).listen();
    await closeAfterTest(new TCPSocketTransport()).connect(endpoint);
    const port = Number(endpoint.split(':').at(-1));
    expect(spans()[0]?.attributes).toEqual({ ...tcp, 'server.address': '127.0.0.1', 'server.port': port });
  });

  it('has the code and the whole time of a connect that fails', async () => {
    const { spans } = sdk();
    const endpoint = `unix:${join(await freshDirectory(), 's')}`;
    const { message } = await rejectionOf(closeAfterTest(new UnixSocketTransport()).connect(endpoint, { waitMs: 100 }));
    const [connect] = spans();
    expect(connect).toMatchObject({
      name: 'connect unix',
      status: { code: SpanStatusCode.ERROR, message },
      attributes: { 'error.type': 'NOT_FOUND' },
      events: [{ name: 'exception', attributes: { 'exception.message': message } }],
    });
    const [seconds = 0, nanoseconds = 0] = connect?.duration ?? [];
    // Clocks of milliseconds say one less at times.
    expect(seconds * 1e3 + nanoseconds / 1e6).toBeGreaterThan(98);
  });
});

describe('metrics', () => {
  it('counts accepted, dropped and open connections', async () => {
    const { points } = sdk();
    const plugin = closeAfterTest(new UnixSocketTransport({ maxConnections: 1 }));
    const host = closeAfterTest(new UnixSocketTransport());
    const endpoint = await plugin.listen();
    const connection = await host.connect(endpoint);
    await host.connect(endpoint);
    const reason = { ...unix, 'rpcplugin.transport.drop.reason': 'maxConnections' };
    await expect.poll(() => points('dropped_connections'), soon).toEqual([[reason, 1]]);
    expect(await points('accepted_connections')).toEqual([[unix, 1]]);
    const open = (accepting: number, connecting: number): unknown =>
      expect.toSatisfy((actual: [Attributes, number][]) => {
        const bySide = new Map(actual.map(([attributes, value]) => [attributes['rpcplugin.transport.side'], value]));
        return bySide.get('accepting') === accepting && bySide.get('connecting') === connecting;
      });
    await expect.poll(() => points('open_connections'), soon).toEqual(open(1, 1));
    connection.destroy();
    await expect.poll(() => points('open_connections'), soon).toEqual(open(0, 0));
  });

  it('has the duration of connects in seconds, with the codes of those that failed', async () => {
    const { points } = sdk();
    const endpoint = await closeAfterTest(new TCPSocketTransport()).listen();
    const host = closeAfterTest(new TCPSocketTransport());
    await host.connect(endpoint);
    await rejectionOf(closeAfterTest(new UnixSocketTransport()).connect('unix:/nowhere/s', { waitMs: 100 }));
    const durations = await points<Histogram>('connect.duration');
    expect(durations).toEqual([
      [tcp, expect.objectContaining({ count: 1 })],
      [{ ...unix, 'error.type': 'NOT_FOUND' }, expect.objectContaining({ count: 1 })],
    ]);
    expect(durations[1]?.[1].min).toBeGreaterThanOrEqual(0.1);
    expect(durations[1]?.[1].max).toBeLessThan(100);
  });

  it('counts errors by operation and code', async () => {
    const { points } = sdk();
    const endpoint = await closeAfterTest(new TCPSocketTransport()).listen({
      onConnection: () => Promise.reject(new RangeError('mine')),
    });
    await closeAfterTest(new TCPSocketTransport()).connect(endpoint);
    await expect
      .poll(() => points('errors'), soon)
      .toEqual([[{ ...tcp, 'error.type': 'IO', 'rpcplugin.transport.operation': 'handler' }, 1]]);
  });

  it('does not count the close of a connection that was open before it began', async () => {
    const endpoint = await closeAfterTest(new UnixSocketTransport()).listen();
    const host = closeAfterTest(new UnixSocketTransport());
    const earlier = await host.connect(endpoint);
    const { points } = sdk();
    earlier.destroy();
    await host.close();
    expect(await points('open_connections')).toEqual([]);
  });

  it('counts nothing once it was ended', async () => {
    const { points, spans, stop } = sdk();
    stop();
    const endpoint = await closeAfterTest(new UnixSocketTransport()).listen();
    await closeAfterTest(new UnixSocketTransport()).connect(endpoint);
    expect(await points('connect.duration')).toEqual([]);
    expect(spans()).toEqual([]);
  });
});
