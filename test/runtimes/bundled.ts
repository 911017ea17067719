import type { TransportSubject } from '@rpcplugin/transport-testkit';

/** A subject in a bundle, which a child process loads without a loader. */
export function bundled({ capabilities, ...subject }: TransportSubject, url: string, name: string): TransportSubject {
  return { ...subject, capabilities: { ...capabilities, module: { url, name } } };
}
