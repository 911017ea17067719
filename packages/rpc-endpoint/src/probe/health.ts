import { connect, constants } from 'node:http2';
import type { ClientHttp2Session, IncomingHttpHeaders } from 'node:http2';
import type { Duplex } from 'node:stream';
import { startTimer } from '@rpcplugin/transport-base';

// The health service of gRPC (https://github.com/grpc/grpc/blob/master/doc/health-checking.md), called by Node's HTTP/2
// as the protocol of gRPC describes (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md).

/** `grpc.health.v1.HealthCheckResponse.ServingStatus`, by its number. */
const SERVING_STATUSES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'] as const;

/**
 * The longest answer, in bytes: a message of 7 bytes, with room for fields of later versions. What answers may be
 * anything, and a server that writes for ever must not fill the memory.
 */
const MAX_ANSWER_BYTES = 1024;

export type ServingStatus = (typeof SERVING_STATUSES)[number];

/** How a listener answered a health check. */
export interface HealthAnswer {
  /** Whether it sent the SETTINGS with which HTTP/2 begins. */
  readonly isHttp2: boolean;
  /** The status of the response. Absent if there was none. */
  readonly httpStatus?: number;
  /** The status of the call. Absent if the server is none of gRPC. */
  readonly grpcStatus?: number;
  /** What the server sent as the status of the call, if that is not a number. */
  readonly malformedStatus?: string;
  readonly grpcMessage?: string;
  /** The answer of the health service. */
  readonly servingStatus?: ServingStatus;
  /** What ended the connection before there was an answer. */
  readonly error?: Error;
  /** Whether the time limit passed before there was an answer. */
  readonly isLate?: boolean;
  /** Whether the message was longer than any of the health service, so that the rest was not read. */
  readonly isTooLong?: boolean;
}

/** A connection over which several services can be asked. */
export class HealthClient {
  readonly #session: ClientHttp2Session;
  readonly #timeoutMs: number;
  #isHttp2 = false;
  #error: Error | undefined;

  /** @param authority - The host that requests name, with `https` for a TLS connection. */
  constructor(connection: Duplex, authority: string, timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
    this.#session = connect(authority, { createConnection: () => connection });
    this.#session.once('remoteSettings', () => {
      this.#isHttp2 = true;
    });
    this.#session.on('error', (error: Error) => {
      this.#error ??= error;
    });
  }

  /** Asks for a service; with an empty name, for the server as a whole. Never rejects. */
  check(service: string): Promise<HealthAnswer> {
    return new Promise((resolve) => {
      const session = this.#session;
      let headers: IncomingHttpHeaders = {};
      let isLate = false;
      let bytes = 0;
      const chunks: Buffer[] = [];
      const finish = (): void => {
        timer.cancel();
        session.off('close', finish);
        resolve({
          isHttp2: this.#isHttp2,
          ...answerOf(headers, Buffer.concat(chunks)),
          ...(this.#error && { error: this.#error }),
          ...(isLate && { isLate }),
          ...(bytes > MAX_ANSWER_BYTES && isGrpc(headers) && { isTooLong: true }),
        });
      };
      const timer = startTimer(this.#timeoutMs, () => {
        isLate = true;
        finish();
      });
      session.once('close', finish);
      if (session.destroyed) {
        finish();
        return;
      }
      const request = session.request({
        [constants.HTTP2_HEADER_METHOD]: 'POST',
        [constants.HTTP2_HEADER_PATH]: '/grpc.health.v1.Health/Check',
        [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
        [constants.HTTP2_HEADER_TE]: 'trailers',
      });
      request.on('response', (received) => {
        headers = { ...headers, ...received };
      });
      request.on('trailers', (received) => {
        headers = { ...(received as IncomingHttpHeaders), ...headers };
      });
      request.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes <= MAX_ANSWER_BYTES) {
          chunks.push(chunk);
          return;
        }
        request.close(constants.NGHTTP2_CANCEL);
        finish();
      });
      request.on('error', (error: Error) => {
        this.#error ??= error;
      });
      request.on('close', () => {
        // The error of a session comes after those of its requests. Under TLS, a session whose connection failed may
        // never close.
        setImmediate(finish);
      });
      request.end(framed(requestFor(service)));
    });
  }

  close(): void {
    this.#session.destroy();
  }
}

/** `HealthCheckRequest`: the name of the service in field 1. */
function requestFor(service: string): Buffer {
  const name = Buffer.from(service);
  return name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a, name.length]), name]);
}

/** A message of gRPC: not compressed, its length, itself. */
function framed(message: Buffer): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

function answerOf(headers: IncomingHttpHeaders, body: Buffer): Omit<HealthAnswer, 'isHttp2'> {
  const { [constants.HTTP2_HEADER_STATUS]: httpStatus, 'grpc-status': status, 'grpc-message': message } = headers;
  const text = status?.toString();
  const grpcStatus = text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
  return {
    ...(httpStatus !== undefined && { httpStatus: Number(httpStatus) }),
    ...(grpcStatus !== undefined && { grpcStatus }),
    ...(grpcStatus === undefined && text !== undefined && { malformedStatus: text }),
    ...(typeof message === 'string' && message !== '' && { grpcMessage: message }),
    ...(grpcStatus === 0 && { servingStatus: servingStatusOf(body.subarray(5)) }),
  };
}

function isGrpc({ [constants.HTTP2_HEADER_CONTENT_TYPE]: type }: IncomingHttpHeaders): boolean {
  return type?.toString().startsWith('application/grpc') === true;
}

/** `HealthCheckResponse`: the number of the status in field 1, which is absent for 0. */
function servingStatusOf(message: Buffer): ServingStatus {
  const number = message[0] === 0x08 ? (message[1] ?? 0) : 0;
  return SERVING_STATUSES[number] ?? 'UNKNOWN';
}
