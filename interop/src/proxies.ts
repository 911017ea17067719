import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freshDirectory, startProgram } from '@rpcplugin/test-support';
import type { CommandLine, Program } from '@rpcplugin/test-support';

/** A proxy that runs a configuration. Neither needs root. */
export type StartProxy = (configuration: string) => Promise<Program>;

/** Starts haproxy, which is killed after the test. */
export async function startHaproxy(configuration: string): Promise<Program> {
  const file = await configurationFile(configuration);
  return startProgram(['haproxy', '-f', file]);
}

/** Starts nginx without processes of its own, which is killed after the test. All of its files are in one directory. */
export async function startNginx(configuration: string): Promise<Program> {
  const directory = await freshDirectory();
  const http = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((each) => `${each}_temp_path ${each};`);
  const file = await configurationFile(`load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off; master_process off; pid ${directory}/nginx.pid; error_log stderr; events {}
${configuration.replace('http {', `http { access_log off; ${http.join(' ')}`)}`);
  const command: CommandLine = ['nginx', '-e', 'stderr', '-p', directory, '-c', file];
  return startProgram(command);
}

async function configurationFile(text: string): Promise<string> {
  const file = join(await freshDirectory(), 'proxy.conf');
  await writeFile(file, text);
  return file;
}
