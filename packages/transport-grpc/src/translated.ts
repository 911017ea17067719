import type { AddressTranslator } from '@rpcplugin/endpoint-utils';
import { invalidOption, toTransportError } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';

/**
 * Calls a translator, if there is one.
 *
 * @throws TransportError `INVALID_ENDPOINT` or another code of the translator, `INVALID_ARGUMENT` if it is none
 */
export function translate(
  translator: AddressTranslator | undefined,
  direction: keyof AddressTranslator,
  endpoint: string,
): string {
  if (translator === undefined) return endpoint;
  if (typeof (translator as Partial<AddressTranslator> | null)?.[direction] !== 'function') {
    throw invalidOption('translator', translator, `Give an object with pluginToHost and hostToPlugin.`);
  }
  let translated: unknown;
  try {
    translated = translator[direction](endpoint);
  } catch (error) {
    throw toTransportError(error, `translate ${endpoint}`, endpoint);
  }
  // Such as that of an async function.
  if (typeof translated === 'string') return translated;
  throw new TransportError('INVALID_ARGUMENT', `${direction} of the translator returned no endpoint for ${endpoint}`, {
    hint: 'Return the text of an endpoint, not a promise.',
  });
}

/** The error for an endpoint that was translated, naming what the plugin listens on as well, once. */
export function withPluginEndpoint(error: unknown, pluginEndpoint: string, hostEndpoint: string): unknown {
  if (!TransportError.isInstance(error) || pluginEndpoint === hostEndpoint) return error;
  const { code, message, endpoint = hostEndpoint, hint, cause } = error;
  const both = `(the plugin listens on ${pluginEndpoint}, which is ${hostEndpoint} here)`;
  if (message.includes(both)) return error;
  return new TransportError(code, `${message} ${both}`, { endpoint, hint, cause });
}
