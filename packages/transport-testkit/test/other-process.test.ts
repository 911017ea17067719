import { once } from 'node:events';
import { expect, it, onTestFinished } from 'vitest';
import { MemoryTransport, transportCases } from '../src/index.js';
import type { MemoryConnection, TransportSubject } from '../src/index.js';
import { runScenario } from '../src/scenarios.js';
import { echoes, receiveAll } from '../src/streams.js';
import { memory } from './subjects.js';

// The contract runs these scenarios in another process; here they run in this one.

async function listening(onConnection: (connection: MemoryConnection) => void): Promise<string> {
  const listener = new MemoryTransport();
  onTestFinished(() => listener.close({ graceMs: 0 }));
  return listener.listen({ onConnection });
}

it('echo returns true for a listener that echoes and leaves no connection open', async () => {
  let accepted: MemoryConnection | undefined;
  const endpoint = await listening((connection) => {
    accepted = connection;
    connection.pipe(connection);
  });
  expect(await runScenario(memory, 'echo', endpoint)).toBe('true');
  if (accepted?.closed === false) await once(accepted, 'close');
});

it('echo returns false for a listener that sends other data', async () => {
  const endpoint = await listening((connection) => {
    connection.on('data', (chunk: Buffer) => connection.write(Buffer.alloc(chunk.length)));
  });
  expect(await runScenario(memory, 'echo', endpoint)).toBe('false');
});

it('lifecycle lists what a listener, a dialer and their connection leave behind', async () => {
  expect(await runScenario(memory, 'lifecycle')).toBe('[]');
  const forgetful: TransportSubject = {
    ...memory,
    create: () => {
      const onExit = (): void => undefined;
      process.on('exit', onExit);
      onTestFinished(() => void process.off('exit', onExit));
      return memory.create();
    },
    capabilities: { leftovers: () => ['a file'] },
  };
  expect(JSON.parse(await runScenario(forgetful, 'lifecycle'))).toEqual([
    'a listener of the process for exit',
    'a file',
  ]);
});

it('errors makes connections fail at both ends, and the process survives', async () => {
  const failed: unknown[] = [];
  class Watched extends MemoryTransport {
    override async connect(endpoint: string): Promise<MemoryConnection> {
      const connection = await super.connect(endpoint);
      return connection.on('error', () => failed.push('near'));
    }
    override listen(options: Parameters<MemoryTransport['listen']>[0] = {}): Promise<string> {
      return super.listen({
        ...options,
        onConnection: (connection, info) => {
          connection.on('error', () => failed.push('far'));
          return options.onConnection?.(connection, info);
        },
      });
    }
  }
  expect(await runScenario({ create: () => new Watched() }, 'errors')).toBe('true');
  expect(failed).toEqual(['near', 'far']);
});

it('slow sends the listener an endpoint that echoes, and returns every answer', async () => {
  const listener = new MemoryTransport();
  onTestFinished(() => listener.close({ graceMs: 0 }));
  let answered = 0;
  const endpoint = await listener.listen({
    allowHalfOpen: true,
    onConnection: async (connection) => {
      const slow = (await receiveAll(connection)).toString();
      connection.end(`${++answered === 1 ? 'the first' : 'another'}: ${await echoes(await listener.connect(slow))}`);
    },
  });
  expect(await runScenario(memory, 'slow', endpoint)).toBe('the first: true, another: true');
  expect(answered).toBeGreaterThan(1);
});

it('runScenario calls cleanUp once at the end', async () => {
  let cleanedUp = 0;
  const cleanUp = (): void => {
    cleanedUp++;
  };
  await runScenario({ ...memory, capabilities: { cleanUp } }, 'lifecycle');
  expect(cleanedUp).toBe(1);
});

it('a case reports the exit code and the output of a process that fails', async () => {
  const module = {
    url: import.meta.url,
    name: 'none',
    execArgv: ['--import', 'data:text/javascript,throw "no loader"'],
  };
  const [found] = transportCases({ ...memory, capabilities: { module } }).filter(({ name }) =>
    name.includes('another process'),
  );
  await expect(found?.run()).rejects.toThrow(/the other process ended with 1: [^]*no loader/);
});
