/** Secrets stand in the configuration by reference only: `env:NAME`, `file:PATH`, `exec:PROGRAM ARG…`. */
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';

export const SECRET_BYTES_MAX = 65_536;
const EXEC_MS_MAX = 10_000;

export type Secret =
  | { readonly value: string }
  | { readonly problem: string; readonly hint: string };

function fromFile(path: string): Secret {
  try {
    const { mode, size } = statSync(path);
    if ((mode & 0o077) !== 0)
      return { problem: `${path} can be read by others`, hint: `chmod 600 ${path}` };
    if (size > SECRET_BYTES_MAX)
      return {
        problem: `${path} is too large for a secret`,
        hint: `at most ${SECRET_BYTES_MAX} bytes`,
      };
    return { value: readFileSync(path, 'utf8').trim() };
  } catch (error) {
    return {
      problem: `${path} cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'error'}`,
      hint: 'it has to exist, readable by the user that runs Sealrail',
    };
  }
}

/** Without a shell: an argument is an argument, whatever stands in it. */
function fromProgram(command: string): Secret {
  const [program = '', ...args] = command.split(' ').filter((part) => part !== '');
  const done = spawnSync(program, args, {
    encoding: 'utf8',
    timeout: EXEC_MS_MAX,
    maxBuffer: SECRET_BYTES_MAX,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  if (done.status === 0 && done.stdout.trim() !== '') return { value: done.stdout.trim() };
  return {
    problem: `${program} gave no secret`,
    hint: 'it has to print the secret and end with 0 within 10 seconds',
  };
}

export function resolveSecret(reference: string, folder: string): Secret {
  const [, scheme = '', rest = ''] = /^(env|file|exec):(.*)$/s.exec(reference) ?? [];
  switch (scheme) {
    case 'env': {
      const value = process.env[rest];
      return value
        ? { value }
        : {
            problem: `the environment variable ${rest} is not set`,
            hint: `set ${rest}, or use file:PATH`,
          };
    }
    case 'file':
      return fromFile(isAbsolute(rest) ? rest : resolve(folder, rest));
    case 'exec':
      return fromProgram(rest);
    default:
      return {
        problem: 'a secret stands here in clear',
        hint: 'write env:NAME, file:PATH or exec:PROGRAM instead, and change the secret',
      };
  }
}
