// Services without protobuf: messages are plain bytes.
import { EventEmitter } from 'node:events';
import { makeGenericClientConstructor, Metadata, Server, status } from '@grpc/grpc-js';
import type {
  CallOptions,
  Client,
  ClientDuplexStream,
  ClientReadableStream,
  ClientUnaryCall,
  ClientWritableStream,
  handleBidiStreamingCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  MethodDefinition,
  requestCallback,
  sendUnaryData,
  ServerOptions,
  ServerUnaryCall,
  ServiceDefinition,
} from '@grpc/grpc-js';
import type { ClientConstructor } from '../src/index.js';

type Unary = (
  request: Buffer,
  metadata: Metadata,
  options: CallOptions,
  done: requestCallback<Buffer>,
) => ClientUnaryCall;

/** The client, typed as generated code would be. */
export interface ProbeClient extends Client {
  /** Echoes the request, and the metadata as metadata and trailers. */
  echo: Unary;
  /** Answers when {@link ProbeServer.release} is called. */
  hang: Unary;
  /** Fails with the status FAILED_PRECONDITION. */
  fail: Unary;
  /** Answers with the authority and the peer of the call, one per line. */
  origin: Unary;
  /** Answers with all requests, joined by commas. */
  join(metadata: Metadata, options: CallOptions, done: requestCallback<Buffer>): ClientWritableStream<Buffer>;
  /** Answers with the parts of the request between commas. */
  split(request: Buffer, metadata: Metadata, options: CallOptions): ClientReadableStream<Buffer>;
  /** Answers each request at once, in upper case. */
  chat(metadata: Metadata, options: CallOptions): ClientDuplexStream<Buffer, Buffer>;
}

/** A second service on the same server. */
export interface NameClient extends Client {
  name: Unary;
}

const bytes = (value: Buffer): Buffer => value;

function method(
  path: string,
  streams: { request?: boolean; response?: boolean } = {},
): MethodDefinition<Buffer, Buffer> {
  return {
    path,
    requestStream: streams.request ?? false,
    responseStream: streams.response ?? false,
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  };
}

export const probeService = {
  echo: method('/test.Probe/Echo'),
  hang: method('/test.Probe/Hang'),
  fail: method('/test.Probe/Fail'),
  origin: method('/test.Probe/Origin'),
  join: method('/test.Probe/Join', { request: true }),
  split: method('/test.Probe/Split', { response: true }),
  chat: method('/test.Probe/Chat', { request: true, response: true }),
} satisfies ServiceDefinition;

const nameService = { name: method('/test.Name/Name') } satisfies ServiceDefinition;

export const Probe = makeGenericClientConstructor(
  probeService,
  'test.Probe',
) as unknown as ClientConstructor<ProbeClient>;
export const Name = makeGenericClientConstructor(nameService, 'test.Name') as unknown as ClientConstructor<NameClient>;

type Hanging = ServerUnaryCall<Buffer, Buffer>;

/** A server with both services. */
export class ProbeServer {
  readonly server: Server;
  readonly #events = new EventEmitter();
  readonly #hanging = new Map<Hanging, sendUnaryData<Buffer>>();

  constructor(name: string, options?: ServerOptions) {
    this.server = new Server({ 'grpc.max_receive_message_length': -1, ...options });
    this.server.addService(probeService, { echo, fail, origin, join, split, chat, hang: this.#hang });
    const answer: handleUnaryCall<Buffer, Buffer> = (_call, done) => {
      done(null, Buffer.from(name));
    };
    this.server.addService(nameService, { name: answer });
  }

  /** Resolves with the next call of `hang` when it arrives. */
  nextHanging(): Promise<Hanging> {
    return new Promise((resolve) => this.#events.once('hang', resolve));
  }

  /** Answers every pending call of `hang`. */
  release(): void {
    for (const [{ request }, done] of this.#hanging) done(null, request);
    this.#hanging.clear();
  }

  readonly #hang = (call: Hanging, done: sendUnaryData<Buffer>): void => {
    this.#hanging.set(call, done);
    this.#events.emit('hang', call);
  };
}

const echo: handleUnaryCall<Buffer, Buffer> = (call, done) => {
  call.sendMetadata(call.metadata);
  done(null, call.request, call.metadata);
};
const fail: handleUnaryCall<Buffer, Buffer> = (_call, done) => {
  const metadata = new Metadata();
  metadata.set('why', 'asked');
  done({ code: status.FAILED_PRECONDITION, details: 'as it was told: “no”', metadata });
};
const origin: handleUnaryCall<Buffer, Buffer> = (call, done) => {
  done(null, Buffer.from(`${call.getHost()}\n${call.getPeer()}`));
};
const join: handleClientStreamingCall<Buffer, Buffer> = (call, done) => {
  const parts: string[] = [];
  call.on('data', (part: Buffer) => parts.push(part.toString()));
  call.on('end', () => {
    done(null, Buffer.from(parts.join(',')));
  });
};
const split: handleServerStreamingCall<Buffer, Buffer> = (call) => {
  for (const part of call.request.toString().split(',')) call.write(Buffer.from(part));
  call.end();
};
const chat: handleBidiStreamingCall<Buffer, Buffer> = (call) => {
  call.on('data', (part: Buffer) => call.write(Buffer.from(part.toString().toUpperCase())));
  call.on('end', () => {
    call.end();
  });
};

export interface Answer {
  readonly value: Buffer;
  readonly metadata: Metadata;
  readonly trailers: Metadata;
}

export interface UnaryOptions extends CallOptions {
  metadata?: Metadata;
  signal?: AbortSignal;
}

/** Makes a unary call. Rejects with its `ServiceError`. */
export function call(
  client: ProbeClient | NameClient,
  name: 'echo' | 'hang' | 'fail' | 'origin' | 'name',
  request: Buffer | string = '',
  { metadata = new Metadata(), signal, ...options }: UnaryOptions = {},
): Promise<Answer> {
  const start = (client as unknown as Record<typeof name, Unary>)[name].bind(client);
  return new Promise((resolve, reject) => {
    let received = new Metadata();
    let value: Buffer | undefined;
    const running = start(Buffer.from(request), metadata, options, (error, answer) => {
      if (error === null) value = answer;
      else reject(error);
    });
    running.on('metadata', (initial) => {
      received = initial;
    });
    running.on('status', ({ metadata: trailers }) => {
      if (value !== undefined) resolve({ value, metadata: received, trailers });
    });
    signal?.addEventListener('abort', () => {
      running.cancel();
    });
  });
}

/** Makes a unary call, and resolves with the response as text. */
export async function ask(...of: Parameters<typeof call>): Promise<string> {
  return (await call(...of)).value.toString();
}

/** A call that sends requests until it fails, then rejects. Calls `underWay` once it is in progress. */
export function requestsWithoutEnd(client: ProbeClient, underWay: () => void): Promise<never> {
  return new Promise((_resolve, reject) => {
    const part = Buffer.alloc(2 ** 16);
    const requests = client.join(new Metadata(), {}, (error) => {
      reject(error ?? new Error('the call succeeded'));
    });
    let written = 0;
    const write = (): void => {
      if (++written === 3) underWay();
      requests.write(part, (error: Error | null | undefined) => {
        if (!(error instanceof Error)) setImmediate(write);
      });
    };
    write();
  });
}
