import { credentials, Server, ServerCredentials } from '@grpc/grpc-js';
import { normalizeEndpoint, toGrpcTarget, toHandshakeAddress } from '@rpcplugin/endpoint-utils';
import { KV } from '@rpcplugin/example-kv/protos';
import { createStore } from '@rpcplugin/example-kv/store';
import { run } from '@rpcplugin/test-support';
import { serveGrpc } from '@rpcplugin/transport-grpc';
import { describe, expect, it, onTestFinished } from 'vitest';
import { describeInterop } from '../src/describe-interop.js';
import { peers } from '../src/peers.js';
import { forms, relativeForm, zonedForm } from './endpoints.js';
import type { Form } from './endpoints.js';
import { get, put } from './kv-calls.js';
import { python, pythonEnv } from './python.js';

/** Serves the example's key-value store. Resolves with the endpoint, which must be canonical and a gRPC target. */
async function serve({ transport, of }: Form): Promise<string> {
  const server = new Server();
  server.addService(KV.service, createStore());
  const listener = await serveGrpc(server, await transport(), ServerCredentials.createInsecure());
  onTestFinished(() => listener.close({ graceMs: 0 }));
  const endpoint = of(listener.endpoint);
  expect(normalizeEndpoint(endpoint)).toBe(endpoint);
  expect(toGrpcTarget(endpoint)).toBe(endpoint);
  return endpoint;
}

describe.each([...forms, relativeForm])('the endpoint $form', (form) => {
  describeInterop({ peer: peers.python, role: 'client of an unmodified endpoint', over: form.over }, () => {
    it.runIf(form.available)(`calls ${form.form}`, async () => {
      const endpoint = await serve(form);
      const ending = await run(python('call.py', endpoint), { env: await pythonEnv() });
      expect(ending).toEqual({ status: 0, stdout: `${endpoint}\n`, stderr: '' });
    });
  });

  describeInterop({ peer: peers.grpcJs, role: 'client of an unmodified endpoint', over: form.over }, () => {
    it.runIf(form.available)(`calls ${form.form}`, async () => {
      const client = new KV(await serve(form), credentials.createInsecure(), { 'grpc.enable_http_proxy': 0 });
      onTestFinished(() => {
        client.close();
      });
      await put(client, { key: 'key', value: Buffer.from('grpc-js') });
      expect(String(await get(client, 'key'))).toBe('grpc-js');
    });
  });
});

async function dialHandshakeAddress({ transport, of }: Form): Promise<void> {
  const listener = await transport();
  const endpoint = await listener.listen({ onConnection: (socket) => void socket.pipe(socket) });
  const { network, address } = toHandshakeAddress(of(endpoint));
  const ending = await run(python('dial.py', network, address));
  expect(ending).toEqual({ status: 0, stdout: `${address}\n`, stderr: '' });
}

describe.each(forms)('the handshake address of $form', (form) => {
  describeInterop({ peer: peers.pythonSockets, role: 'client of a handshake address', over: form.over }, () => {
    it.runIf(form.available)(`dials the address of ${form.form}`, () => dialHandshakeAddress(form));
  });
});

// Not in docs/interop.md, as it depends on the machine.
it.runIf(zonedForm !== undefined && peers.pythonSockets.version !== undefined)(
  'Python sockets dial a handshake address with a zone',
  async () => {
    if (zonedForm !== undefined) await dialHandshakeAddress(zonedForm);
  },
);
