import { TransportError } from './errors.js';
import { quote } from './quote.js';

/**
 * How many bytes of UTF-8 the path of a unix socket may have: `sun_path` less its final NUL, 107 on Linux (unix(7)) and 103 on
 * macOS and the BSDs.
 */
export const socketPathLimitBytes = process.platform === 'linux' || process.platform === 'android' ? 107 : 103;

/**
 * Node 20 cuts a longer path off and uses the rest without a word, so every use of a path is checked first.
 *
 * @throws TransportError `PATH_TOO_LONG`.
 */
export function assertSocketPathFits(path: string): void {
  const length = Buffer.byteLength(path);
  if (length <= socketPathLimitBytes) return;
  throw new TransportError(
    'PATH_TOO_LONG',
    `a socket path has at most ${socketPathLimitBytes} bytes here, and ${quote(path)} has ${length}`,
    { endpoint: `unix:${path}`, hint: 'Use a shorter directory, such as one in /tmp or /run.' },
  );
}
