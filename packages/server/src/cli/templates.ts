/** The files that `init` writes, commented for whoever edits them. */

export const configTemplate = (
  origin: string,
): string => `# Sealrail's configuration. Unknown keys are errors; secrets stand here by reference only: env:NAME,
# file:PATH (mode 0600) or exec:PROGRAM. \`sealrail config check\` says what is wrong; SIGHUP reads it again.

log:
  dir: ./data                      # the log, its journal and the private side store
  state: ./state                   # what was signed last: best on another disk, never in a backup of dir
  origin: ${origin}
  key: file:./log.key
  durability: sync                 # every decision is on disk before its effect

identity:
  users: users.yaml                # sealrail users add NAME --type human --group analysts

targets:
  shop:                            # the name by which policies and entries know it
    kind: postgres
    env: dev                       # dev | test | staging | prod: policies may be stricter in prod
    mode: observe                  # observe logs what would be denied; enforce denies; or { enforce: [agents] }
    listen: 127.0.0.1:6432         # point your clients here; other machines reach it with tls only
    # tls:                         # PEM; read again on SIGHUP, sessions go on
    #   cert: file:gateway.crt     # the gateway's own, then what signed it
    #   key: file:gateway.key      # mode 0600
    #   require: true              # false lets clients of this machine do without
    #   clientCa: file:people.crt  # who signs the certificates that clients have to show
    #   clientCert: verify-full    # that of the user, beside the password; verify-ca: anybody's; cert: instead of it
    upstream:
      url: postgres://sealrail@127.0.0.1:5432/shop
      password: env:SHOP_PASSWORD  # of a plain role that owns nothing; nobody but the gateway knows it
      accept: []                   # privileges of that role that would otherwise refuse the start
      # tls: verify-full           # on another machine the default; disable says that the network is private
      # ca: file:database-ca.crt   # who signed the database's certificate, where Node does not know them
    classes:
      personal: []                 # columns such as customers.email

policies: ./policies               # every *.cedar file in it

api:
  listen: 127.0.0.1:7070           # console and API, for this machine only
`;

export const USERS_TEMPLATE = `# Who may connect. Passwords stand here as SCRAM verifiers only; a line is added by
#   sealrail users add NAME --type human --group analysts
users: {}
`;

/** What must not end up in a repository by accident. */
export const IGNORED = `data/
state/
log.key
`;
