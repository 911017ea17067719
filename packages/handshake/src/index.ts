export { handshakeEnv, handshakeFromEnv } from './environment.js';
export type { HandshakeOptions, HandshakeRequest, HostHandshakeOptions } from './environment.js';
export { readHandshake } from './read-handshake.js';
export type { ReadHandshakeOptions } from './read-handshake.js';
export { createIdentity } from './identity.js';
export type { Identity } from './identity.js';
export { endPlugin } from './end-plugin.js';
export type { EndPluginOptions } from './end-plugin.js';
