/** Secrets stand in the configuration by reference only: `env:NAME`, `file:PATH`, `exec:PROGRAM ARG…`. */
import { spawn } from 'node:child_process';
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';

export const SECRET_BYTES_MAX = 65_536;
/** A system's bundle of authorities has a few hundred kilobytes. */
export const CERTIFICATES_BYTES_MAX = 1 << 20;
export const EXEC_MS_MAX = 10_000;

export type Secret =
  | { readonly value: string }
  | { readonly problem: string; readonly hint: string };

export interface SecretOptions {
  /** What a relative `file:` stands below: the folder of the configuration. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly execMsMax?: number;
}

/** Certificates are for everybody to read: only who may write them matters. `env:` and `file:` only. */
export async function resolveCertificates(
  reference: string,
  { folder, env }: SecretOptions,
): Promise<Secret> {
  const [, scheme, rest = ''] = /^(env|file):(.*)$/s.exec(reference) ?? [];
  if (scheme === 'env') return fromEnvironment(rest, env);
  if (scheme === 'file') return fromFile(resolve(folder, rest), PUBLIC);
  return { problem: 'no reference stands here', hint: 'write file:PATH or env:NAME' };
}

/** Resolves one reference. The text of a secret is never part of a problem. */
export async function resolveSecret(reference: string, options: SecretOptions): Promise<Secret> {
  const [, scheme, rest = ''] = /^(env|file|exec):(.*)$/s.exec(reference) ?? [];
  if (scheme === 'env') return fromEnvironment(rest, options.env);
  if (scheme === 'file') return fromFile(resolve(options.folder, rest), PRIVATE);
  if (scheme === 'exec') return fromProgram(rest, options);
  return {
    problem: 'a secret stands here in clear',
    hint: 'write env:NAME, file:PATH or exec:PROGRAM instead, and change the secret: it was readable',
  };
}

function fromEnvironment(name: string, env: SecretOptions['env']): Secret {
  const value = env[name];
  if (value) return { value };
  return {
    problem: `the environment variable ${name} is not set`,
    hint: `set ${name}, or use file:PATH`,
  };
}

const OTHERS = 0o007;
const OTHERS_WRITE = 0o002;
const GROUP_WRITE = 0o020;

/** What a file that holds something of the kind must not allow, and how large it may be. */
interface Care {
  readonly forbidden: number;
  readonly bytesMax: number;
  readonly mode: string;
  readonly what: string;
}
const PRIVATE: Care = {
  forbidden: OTHERS | GROUP_WRITE,
  bytesMax: SECRET_BYTES_MAX,
  mode: '600',
  what: 'a secret',
};
const PUBLIC: Care = {
  forbidden: OTHERS_WRITE | GROUP_WRITE,
  bytesMax: CERTIFICATES_BYTES_MAX,
  mode: '644',
  what: 'certificates',
};

/**
 * A group may read: container platforms hand secrets over that way. The permissions are those of the file
 * that is then read, not of whatever stands under its name a moment later.
 */
function fromFile(path: string, care: Care): Secret {
  let file: number;
  try {
    // Not blocking: a pipe in the place of the file must not hang the daemon.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    return {
      problem: `${path} cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'error'}`,
      hint: 'it has to exist, readable by the user that runs Sealrail',
    };
  }
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) return { problem: `${path} is no file`, hint: 'name the file itself' };
    if ((stat.mode & care.forbidden) !== 0)
      return {
        problem: `${path} is open to others (mode ${(stat.mode & 0o777).toString(8)})`,
        hint: `chmod ${care.mode} ${path}`,
      };
    if (stat.size > care.bytesMax)
      return {
        problem: `${path} is too large for ${care.what}`,
        hint: `at most ${care.bytesMax} bytes`,
      };
    return filled(readFileSync(file, 'utf8'), `${path} is empty`);
  } finally {
    closeSync(file);
  }
}

/** Without a shell: an argument is an argument, whatever stands in it. Beside the event loop, not in it. */
function fromProgram(command: string, options: SecretOptions): Promise<Secret> {
  const [program = '', ...args] = command.split(' ').filter((part) => part !== '');
  const { folder, execMsMax = EXEC_MS_MAX } = options;
  const failed = (why: string): Secret => ({
    problem: `${program} gave no secret: ${why}`,
    hint: `it has to print the secret and end with 0 within ${execMsMax / 1_000} seconds`,
  });
  // spawn throws, rather than fails, where there is no program to look for.
  if (program === '' || command.includes('\0'))
    return Promise.resolve(failed('there is no program of that name'));
  return new Promise((resolve) => {
    let output = '';
    const child = spawn(program, args, { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'] });
    const settle = (secret: Secret): void => {
      clearTimeout(timer);
      // Also where a grandchild keeps the pipe open: nobody waits for that.
      child.stdout.destroy();
      child.kill('SIGKILL');
      resolve(secret);
    };
    const timer = setTimeout(() => settle(failed('it took too long')), execMsMax);
    child.once('error', ({ message }) => settle(failed(message)));
    child.once('close', (code) =>
      settle(
        code === 0 ? filled(output, `${program} printed nothing`) : failed(`it ended with ${code}`),
      ),
    );
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (output.length > SECRET_BYTES_MAX)
        settle(failed(`it printed more than ${SECRET_BYTES_MAX} bytes`));
    });
  });
}

/** One line break at the end is an editor's or a program's; everything before it is the secret's. */
function filled(text: string, emptiness: string): Secret {
  const value = text.replace(/\r?\n$/, '');
  return value === ''
    ? { problem: emptiness, hint: 'an empty secret is a mistake, not a secret' }
    : { value };
}
