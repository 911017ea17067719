import type { Duplex } from 'node:stream';
import { metrics, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Attributes, Meter, Tracer } from '@opentelemetry/api';
import { parseEndpoint } from '@rpcplugin/endpoint-utils';
import type { ConnectMessage, ErrorMessage, TransportMessage } from '@rpcplugin/transport-core';
import { onMessages } from './messages.js';

const NAME = 'rpcplugin.transport';

/** In seconds. A unix socket connects in less than a millisecond; a plugin that is to start takes some seconds. */
const BOUNDARIES = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/**
 * Makes spans and metrics of what every transport of this process does. Names and attributes follow OpenTelemetry's
 * semantic conventions, as far as there are any. Metrics have no attribute with an endpoint: each plugin has its own.
 *
 * @returns A function that ends it.
 */
export function observeTransports({
  tracer = trace.getTracer(NAME),
  meter = metrics.getMeter(NAME),
}: { readonly tracer?: Tracer; readonly meter?: Meter } = {}): () => void {
  const connects = meter.createHistogram(`${NAME}.connect.duration`, {
    description: 'How long connects took, successful or not',
    unit: 's',
    advice: { explicitBucketBoundaries: BOUNDARIES },
  });
  const accepted = meter.createCounter(`${NAME}.accepted_connections`, { unit: '{connection}' });
  const dropped = meter.createCounter(`${NAME}.dropped_connections`, { unit: '{connection}' });
  const open = meter.createUpDownCounter(`${NAME}.open_connections`, { unit: '{connection}' });
  const errors = meter.createCounter(`${NAME}.errors`, { unit: '{error}' });
  /** With what each connection was counted. One that was open already was not. */
  const counted = new WeakMap<Duplex, Attributes>();

  const opened = (connection: Duplex, attributes: Attributes): void => {
    counted.set(connection, attributes);
    open.add(1, attributes);
  };
  const connectEnded = (
    message: Pick<ConnectMessage, 'durationMs'> & TransportMessage,
    failure?: ErrorMessage,
  ): void => {
    const attributes = failure === undefined ? networkOf(message) : { ...networkOf(message), ...typeOf(failure) };
    connects.record(message.durationMs / 1000, attributes);
    const endTime = Date.now();
    // Its parent is the span in which the program called `connect`.
    const span = tracer.startSpan(`connect ${message.network}`, {
      kind: SpanKind.CLIENT,
      startTime: endTime - message.durationMs,
      attributes: { ...attributes, ...serverOf(message) },
    });
    if (failure !== undefined) {
      span.recordException(failure.error, endTime);
      span.setStatus({ code: SpanStatusCode.ERROR, message: failure.error.message });
    }
    span.end(endTime);
  };

  return onMessages({
    connect(message) {
      connectEnded(message);
      opened(message.connection, { ...networkOf(message), [`${NAME}.side`]: 'connecting' });
    },
    accept(message) {
      accepted.add(1, networkOf(message));
      opened(message.connection, { ...networkOf(message), [`${NAME}.side`]: 'accepting' });
    },
    disconnect({ connection }) {
      const attributes = counted.get(connection);
      if (attributes !== undefined) open.add(-1, attributes);
    },
    drop(message) {
      dropped.add(1, { ...networkOf(message), [`${NAME}.drop.reason`]: message.reason });
    },
    error(message) {
      errors.add(1, { ...networkOf(message), ...typeOf(message), [`${NAME}.operation`]: message.operation });
      const { durationMs } = message;
      if (durationMs !== undefined) connectEnded({ ...message, durationMs }, message);
    },
  });
}

function networkOf({ network }: TransportMessage): Attributes {
  return { 'network.transport': network };
}

/** An error's code is its type: there are few of them, and they do not change. */
function typeOf({ error }: ErrorMessage): Attributes {
  return { 'error.type': error.code };
}

function serverOf({ network, endpoint }: TransportMessage): Attributes {
  // Other networks have endpoints of their own.
  if (endpoint === undefined || (network !== 'tcp' && network !== 'unix')) return {};
  const parts = parseEndpoint(endpoint);
  if (parts.network === 'unix') return { 'server.address': parts.path };
  return { 'server.address': parts.host, 'server.port': parts.port };
}
