import { X509Certificate } from 'node:crypto';
import { formatEndpoint, toGrpcTarget, toHandshakeAddress } from '@rpcplugin/endpoint-utils';
import type { Endpoint, Handshake, HandshakeAddress } from '@rpcplugin/endpoint-utils';
import { messageOf, socketPathLimitBytes } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';
import type { Fact, Finding, Report } from './report.js';
import { readSubject } from './subject.js';

/** The result of `rpc-endpoint explain --json`, besides its findings. */
export interface Explanation {
  /** The canonical text. */
  readonly endpoint: string;
  readonly network: string;
  readonly host?: string;
  readonly port?: number;
  readonly path?: string;
  /** The length of the path, in bytes of UTF-8, and the most that this platform takes, if it has a limit. */
  readonly pathBytes?: number;
  readonly pathLimitBytes?: number;
  /** Absent if the endpoint has none. */
  readonly grpcTarget?: string;
  /** The fields of a handshake line. Absent if the endpoint has none. */
  readonly handshake?: HandshakeAddress;
  /** What connects in Go and in Node. */
  readonly go?: string;
  readonly node?: string;
  /** The other fields of a handshake line, if one was given. */
  readonly appVersion?: number;
  readonly protocol?: string;
  readonly multiplexing?: boolean;
  readonly certificate?: { readonly subject: string; readonly validTo: string; readonly fingerprint256: string };
}

/** Explains an endpoint or a handshake line. It connects to nothing. */
export function explain(text: string): Report {
  const { parts, handshake } = readSubject(text);
  const findings: Finding[] = [];
  const orNote = <T>(convert: () => T): T | undefined => {
    try {
      return convert();
    } catch (error) {
      if (!TransportError.isInstance(error)) throw error;
      findings.push({ level: 'note', what: error.message, advice: error.hint ?? '' });
      return undefined;
    }
  };
  const explanation: Explanation =
    parts === undefined
      ? explainOwn(handshake)
      : { ...explainParts(parts, orNote), ...(handshake !== undefined && explainLine(handshake)) };
  const { pathBytes = 0, pathLimitBytes = Infinity } = explanation;
  if (pathBytes > pathLimitBytes) {
    const what = `the path has ${pathBytes} bytes, and a socket path has at most ${pathLimitBytes} on this platform`;
    findings.push({ level: 'problem', what, advice: 'Use a shorter directory, such as one in /tmp or /run.' });
  }
  return { data: explanation, facts: factsOf(explanation), findings };
}

function explainParts(parts: Endpoint, orNote: <T>(convert: () => T) => T | undefined): Explanation {
  const endpoint = formatEndpoint(parts);
  const grpcTarget = orNote(() => toGrpcTarget(parts));
  const handshake = orNote(() => toHandshakeAddress(parts));
  return {
    endpoint,
    ...parts,
    ...(parts.network === 'unix' && {
      pathBytes: Buffer.byteLength(parts.path),
      ...(Number.isFinite(socketPathLimitBytes) && { pathLimitBytes: socketPathLimitBytes }),
    }),
    ...(grpcTarget !== undefined && { grpcTarget }),
    ...(handshake !== undefined && {
      handshake,
      go: `net.Dial(${JSON.stringify(handshake.network)}, ${JSON.stringify(handshake.address)})`,
    }),
    node:
      parts.network === 'unix'
        ? `net.connect({ path: ${JSON.stringify(parts.path)} })`
        : `net.connect({ host: ${JSON.stringify(parts.host)}, port: ${parts.port} })`,
  };
}

/** Only a transport of the framework's own knows how to connect. */
function explainOwn(line: Handshake | undefined): Explanation {
  const { endpoint = '', network = '' } = line ?? {};
  return {
    endpoint,
    network,
    handshake: toHandshakeAddress(endpoint, network),
    ...(line !== undefined && explainLine(line)),
  };
}

function explainLine({ appVersion, protocol, multiplexing, certificate }: Handshake): Partial<Explanation> {
  return {
    appVersion,
    protocol,
    ...(multiplexing !== undefined && { multiplexing }),
    ...(certificate !== undefined && { certificate: explainCertificate(certificate) }),
  };
}

function explainCertificate(pem: string): NonNullable<Explanation['certificate']> {
  try {
    const { subject, validTo, fingerprint256 } = new X509Certificate(pem);
    return { subject: subject.replaceAll('\n', ', '), validTo, fingerprint256 };
  } catch (error) {
    throw new TransportError('INVALID_ARGUMENT', `the certificate cannot be read: ${messageOf(error)}`, {
      hint: 'The sixth field of a handshake line is the DER form of a certificate in base64.',
      cause: error,
    });
  }
}

function factsOf(explanation: Explanation): Fact[] {
  const { endpoint, network, host, port, path, pathBytes, pathLimitBytes, handshake, certificate } = explanation;
  const limit = pathLimitBytes === undefined ? '' : ` of at most ${pathLimitBytes}`;
  const facts: (Fact | undefined)[] = [
    ['endpoint', endpoint],
    ['network', network],
    host === undefined ? undefined : ['host', host],
    port === undefined ? undefined : ['port', String(port)],
    path === undefined ? undefined : ['path', `${path} (${pathBytes}${limit} bytes)`],
    ['gRPC target', explanation.grpcTarget ?? 'none'],
    ['handshake', handshake === undefined ? 'none' : `network ${handshake.network}, address ${handshake.address}`],
    ['Go', explanation.go ?? 'none'],
    ['Node', explanation.node ?? `a transport of the network ${network}`],
    explanation.appVersion === undefined ? undefined : ['app version', String(explanation.appVersion)],
    explanation.protocol === undefined ? undefined : ['protocol', explanation.protocol],
    explanation.multiplexing === undefined ? undefined : ['multiplexing', explanation.multiplexing ? 'yes' : 'no'],
    certificate === undefined ? undefined : ['certificate', `${certificate.subject}, valid to ${certificate.validTo}`],
    certificate === undefined ? undefined : ['fingerprint', certificate.fingerprint256],
  ];
  return facts.filter((fact) => fact !== undefined);
}
