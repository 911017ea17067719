import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { errnoOf, startTimer } from '@rpcplugin/transport-base';

/** What a listener that does not speak HTTP/2 speaks, by its first bytes. */
export type OtherProtocol = 'HTTP/1' | 'TLS' | 'silent' | 'closed' | 'unknown';

/** RFC 9113, section 3.4: the client's preface, and SETTINGS without a setting. */
const PREFACE = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
]);

/** RFC 8446, section 5.1: the type of a record with an alert, and the version that all records have. */
const TLS_ALERT = Buffer.from([21, 3]);

/**
 * Finds out what a listener speaks that did not answer HTTP/2 as it should.
 *
 * @param reconnect - Connects once more: a listener may have closed the connection.
 */
export async function otherProtocol(reconnect: () => Promise<Socket>, timeoutMs: number): Promise<OtherProtocol> {
  const first = await firstBytes(await reconnect(), timeoutMs);
  if (first === undefined) return 'silent';
  if (first.subarray(0, 7).equals(Buffer.from('HTTP/1.'))) return 'HTTP/1';
  if (first.length > 0 && !first.subarray(0, 2).equals(TLS_ALERT)) return 'unknown';
  if (await speaksTls(await reconnect(), timeoutMs)) return 'TLS';
  return 'closed';
}

/** What answers the preface of HTTP/2: empty if the listener closes the connection, `undefined` if it stays silent. */
function firstBytes(socket: Socket, timeoutMs: number): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const finish = (bytes?: Buffer): void => {
      timer.cancel();
      socket.destroy();
      resolve(bytes);
    };
    const timer = startTimer(timeoutMs, finish);
    socket.once('data', finish);
    socket.on('error', () => {
      finish(Buffer.alloc(0));
    });
    socket.once('close', () => {
      finish(Buffer.alloc(0));
    });
    socket.write(PREFACE);
  });
}

/** Whether a listener answers a handshake of TLS, if only with an alert. Its certificate is not judged. */
function speaksTls(socket: Socket, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const secure = connectTls({ socket, servername: 'localhost', rejectUnauthorized: false, ALPNProtocols: ['h2'] });
    const finish = (answer: boolean): void => {
      timer.cancel();
      secure.destroy();
      socket.destroy();
      resolve(answer);
    };
    const timer = startTimer(timeoutMs, () => {
      finish(false);
    });
    secure.once('secureConnect', () => {
      finish(true);
    });
    secure.on('error', (error) => {
      finish(errnoOf(error)?.includes('_ALERT_') === true);
    });
    secure.once('close', () => {
      finish(false);
    });
  });
}
