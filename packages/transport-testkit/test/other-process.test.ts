import { once } from 'node:events';
import { expect, it, onTestFinished } from 'vitest';
import { MemoryTransport, transportCases } from '../src/index.js';
import type { MemoryConnection, TransportSubject } from '../src/index.js';
import { runScenario } from '../src/scenarios.js';
import { memory } from './subjects.js';

// What the contract has done in another process, done in this one.

async function listening(onConnection: (connection: MemoryConnection) => void): Promise<string> {
  const listener = new MemoryTransport();
  onTestFinished(() => listener.close({ graceMs: 0 }));
  return listener.listen({ onConnection });
}

it('echo is true of a listener that echoes, and leaves no connection', async () => {
  let accepted: MemoryConnection | undefined;
  const endpoint = await listening((connection) => {
    accepted = connection;
    connection.pipe(connection);
  });
  expect(await runScenario(memory, 'echo', endpoint)).toBe('true');
  if (accepted?.closed === false) await once(accepted, 'close');
});

it('echo is false of a listener that sends something else', async () => {
  const endpoint = await listening((connection) => {
    connection.on('data', (chunk: Buffer) => connection.write(Buffer.alloc(chunk.length)));
  });
  expect(await runScenario(memory, 'echo', endpoint)).toBe('false');
});

it('lifecycle finds nothing, or what is left of a listener, a dialer and their connection', async () => {
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

it('errors happen at both ends, and are of no consequence', async () => {
  const failed: unknown[] = [];
  class Watched extends MemoryTransport {
    override async connect(endpoint: string): Promise<MemoryConnection> {
      const connection = await super.connect(endpoint);
      return connection.on('error', () => failed.push('near'));
    }
    override listen(options: Parameters<MemoryTransport['listen']>[0] = {}): Promise<string> {
      return super.listen({
        ...options,
        onConnection: (connection) => {
          connection.on('error', () => failed.push('far'));
          return options.onConnection?.(connection);
        },
      });
    }
  }
  expect(await runScenario({ create: () => new Watched() }, 'errors')).toBe('true');
  expect(failed).toEqual(['near', 'far']);
});

it('afterwards the subject has cleaned up', async () => {
  let cleanedUp = 0;
  const cleanUp = (): void => {
    cleanedUp++;
  };
  await runScenario({ ...memory, capabilities: { cleanUp } }, 'lifecycle');
  expect(cleanedUp).toBe(1);
});

it('a process that fails is what the case found, with what it said', async () => {
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
