// Parses endpoints: `parse.js <parser>`.
import { parseEndpoint } from '@rpcplugin/endpoint-utils';
import { serveCommands } from './commands.js';

const [, , name] = process.argv;
const parse = name === 'parseEndpoint' ? parseEndpoint : (text: string): URL => new URL(text);

serveCommands({
  /** Nanoseconds to parse the text. */
  parse: (text: string, count: number) => {
    let parsed = 0;
    const started = performance.now();
    for (let i = 0; i < count; i++) if (typeof parse(text) === 'object') parsed++;
    const spent = performance.now() - started;
    if (parsed !== count) throw new Error(`${text} was not parsed`);
    return (spent * 1e6) / count;
  },
});
