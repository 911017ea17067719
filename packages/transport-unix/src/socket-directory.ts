import { channel } from 'node:diagnostics_channel';
import { readdirSync } from 'node:fs';
import { absoluteSocketPath, assertOptions, Cleanup, toTransportError, typeOption } from '@rpcplugin/transport-base';
import { TransportError } from '@rpcplugin/transport-core';
import type { WarningMessage } from '@rpcplugin/transport-core';
import { OWN } from './access.js';
import { startBeacon } from './beacon.js';
import type { Directory } from './directory.js';
import { fileAt, unlinkIfThere } from './files.js';
import { groupId } from './group.js';
import { groupOption } from './options.js';
import { ownedName } from './owner.js';
import { openPrivateDirectory } from './private-directory.js';

/** Options of {@link createSocketDirectory}. */
export interface SocketDirectoryOptions {
  /**
   * Where to create it: a directory in which no other user can rename or remove entries. Default: `XDG_RUNTIME_DIR`
   * (not with `group`), else the temp directory, else `/tmp`.
   */
  base?: string | undefined;
  /** The group that the plugin runs in, by name or number, if it runs as another user. Default: none. */
  group?: string | number | undefined;
}

/** A directory for the sockets of one plugin. */
export interface SocketDirectory extends AsyncDisposable {
  /** Its absolute path. */
  readonly path: string;
  /** The environment variables that tell the plugin to listen in it. go-plugin's plugins understand them as well. */
  readonly env: Readonly<Record<string, string>>;
  /**
   * Removes the sockets in it, then the directory. Call it when the plugin has ended. Later calls share the outcome.
   *
   * @throws TransportError `IO` if there are other files in it, which stay, or another code if something could not be
   *   removed.
   */
  close(): Promise<void>;
}

/**
 * Creates a directory for the sockets of one plugin, as go-plugin's hosts do: with a name that cannot be guessed, and
 * mode 0700, or 0770 and the group if `group` is given. Nobody else can enter it. The next process of this user that
 * calls this, or listens without `path` and `directory`, removes what a killed host has left.
 *
 * @throws TransportError `INVALID_ARGUMENT` for an option that cannot be used or a group that does not exist,
 *   `PERMISSION_DENIED` if it cannot be created.
 */
export async function createSocketDirectory(options: SocketDirectoryOptions = {}): Promise<SocketDirectory> {
  assertOptions(options);
  const { base } = options;
  typeOption('base', base, 'string');
  const group = groupOption(options.group);
  const cleanup = new Cleanup();
  try {
    const gid = group === undefined ? undefined : await groupId(group, new AbortController().signal);
    const name = ownedName('host');
    // With a name such as `plugin1234567890` in it.
    const parent = openPrivateDirectory(gid, name.length + 20, warn, base && absoluteSocketPath(base));
    cleanup.defer(parent.release);
    await startBeacon(parent.directory, name, (step) => {
      cleanup.defer(step);
    });
    const directory = parent.directory.create(name, gid === undefined ? OWN : { mode: 0o770, gid });
    cleanup.defer(() => {
      removeDirectory(parent.directory, directory);
    });
    let closing: Promise<void> | undefined;
    const close = (): Promise<void> =>
      (closing ??= cleanup.run().catch((error: unknown) => {
        throw toTransportError(error, `remove ${directory.path}`);
      }));
    return {
      path: directory.path,
      env: {
        PLUGIN_UNIX_SOCKET_DIR: directory.path,
        ...(group !== undefined && { PLUGIN_UNIX_SOCKET_GROUP: String(group) }),
      },
      close,
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await cleanup.run().catch(() => undefined);
    throw toTransportError(error, 'create a socket directory');
  }
}

function warn(what: string): void {
  const message: WarningMessage = {
    transport: undefined,
    network: 'unix',
    endpoint: undefined,
    what,
    cause: undefined,
  };
  channel('rpcplugin:transport:warning').publish(message);
}

function removeDirectory(parent: Directory, directory: Directory): void {
  let isGone: boolean;
  try {
    for (const name of readdirSync(directory.at())) {
      if (fileAt(directory.at(name))?.isSocket() === true) unlinkIfThere(directory.at(name));
    }
  } finally {
    isGone = parent.release(directory);
  }
  if (isGone) return;
  throw new TransportError('IO', `${directory.path} contains files that are not sockets`, {
    hint: 'They were left alone.',
  });
}
