// A service without protobuf: messages are plain bytes.
import { spawnSync } from 'node:child_process';
import { readlinkSync, writeSync } from 'node:fs';
import { makeGenericClientConstructor, Metadata, Server } from '@grpc/grpc-js';
import type {
  CallOptions,
  Client,
  ClientDuplexStream,
  ClientReadableStream,
  ClientUnaryCall,
  handleBidiStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  MethodDefinition,
  requestCallback,
} from '@grpc/grpc-js';
import type { ClientConstructor } from '@rpcplugin/transport-grpc';

type Unary = (
  request: Buffer,
  metadata: Metadata,
  options: CallOptions,
  done: requestCallback<Buffer>,
) => ClientUnaryCall;

export interface ProbeClient extends Client {
  /** Answers with the request. */
  echo: Unary;
  /** Answers in the given number of milliseconds. */
  wait: Unary;
  /** Prints in every way that a plugin could by mistake, and answers. */
  print: Unary;
  /** Answers with the user, the process and its user namespace. */
  whereabouts: Unary;
  /** Stops the plugin as go-plugin's host does, and answers. */
  shutdown: Unary;
  /** Answers with as many messages of 64 KiB as the request says. */
  download(request: Buffer): ClientReadableStream<Buffer>;
  /** Answers each message with itself. */
  chat(): ClientDuplexStream<Buffer, Buffer>;
}

const bytes = (value: Buffer): Buffer => value;

function method(name: string, requestStream = false, responseStream = false): MethodDefinition<Buffer, Buffer> {
  return {
    path: `/stdio.Probe/${name}`,
    requestStream,
    responseStream,
    requestSerialize: bytes,
    requestDeserialize: bytes,
    responseSerialize: bytes,
    responseDeserialize: bytes,
  };
}

const service = {
  echo: method('Echo'),
  wait: method('Wait'),
  print: method('Print'),
  whereabouts: method('Whereabouts'),
  shutdown: method('Shutdown'),
  download: method('Download', false, true),
  chat: method('Chat', true, true),
};

export const Probe = makeGenericClientConstructor(service, 'stdio.Probe') as unknown as ClientConstructor<ProbeClient>;

/** @param onShutdown - Called by the method `shutdown`, before its answer. */
export function probeServer(onShutdown: () => void): Server {
  const server = new Server();
  server.addService(service, {
    echo: unary((request) => request),
    wait: ((call, done) => {
      setTimeout(() => {
        done(null, call.request);
      }, Number(call.request));
    }) satisfies handleUnaryCall<Buffer, Buffer>,
    print: unary((request) => {
      console.log('printed with console.log');
      writeSync(1, 'printed with writeSync\n');
      spawnSync('echo', ['printed by a child'], { stdio: ['ignore', 'inherit', 'inherit'] });
      return request;
    }),
    whereabouts: unary(() =>
      Buffer.from([process.getuid?.(), process.pid, readlinkSync('/proc/self/ns/net')].join(' ')),
    ),
    shutdown: unary((request) => {
      onShutdown();
      return request;
    }),
    download: ((call) => {
      const message = Buffer.alloc(2 ** 16);
      for (let left = Number(call.request); left > 0; left--) call.write(message);
      call.end();
    }) satisfies handleServerStreamingCall<Buffer, Buffer>,
    chat: ((call) => {
      call.on('error', () => undefined);
      call.on('data', (message: Buffer) => call.write(message));
      call.on('end', () => {
        call.end();
      });
    }) satisfies handleBidiStreamingCall<Buffer, Buffer>,
  });
  return server;
}

function unary(answer: (request: Buffer) => Buffer): handleUnaryCall<Buffer, Buffer> {
  return (call, done) => {
    done(null, answer(call.request));
  };
}

/** Makes a unary call. Rejects with its `ServiceError`. */
export function ask(
  client: ProbeClient,
  name: 'echo' | 'wait' | 'print' | 'whereabouts' | 'shutdown',
  request: Buffer | string = '',
  { metadata = new Metadata(), ...options }: CallOptions & { readonly metadata?: Metadata } = {},
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    client[name](Buffer.from(request), metadata, options, (error, answer) => {
      if (error !== null) reject(error);
      else resolve(answer ?? Buffer.alloc(0));
    });
  });
}
