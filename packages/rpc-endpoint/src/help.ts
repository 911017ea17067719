/** It fits a terminal of 24 lines and 80 columns. */
export const HELP = `\
Usage: rpc-endpoint [explain] <endpoint or handshake line>
       rpc-endpoint probe [options] <endpoint or handshake line>
       rpc-endpoint sweep [--dry-run] [directory]

explain  Show the canonical form, the gRPC target, the handshake fields, and
         what Go and Node dial. It connects to nothing.
probe    Connect to the endpoint, and show what is there: the file, who listens,
         and whether gRPC is healthy. A probe changes no file.
sweep    Remove what killed processes of this user have left.

  --timeout <ms>      time limit of each step of a probe (default: 2000)
  --no-grpc           connect only, without a call of gRPC's health service
  --tls               use TLS; also with --ca, --cert or --key <file>, in PEM
  --authority <name>  the name in the plugin's certificate, if it differs
  --dry-run           list what a sweep would remove, and change nothing
  --json              print JSON
  --no-color          no colour, as with the variable NO_COLOR
  -h, --help          print this help
  --version           print the version

Endpoints: 127.0.0.1:50051, [::1]:50051, name:50051, unix:/run/plugin.sock
Exit status: 0 all is well, 1 a problem was found, 2 wrong usage
`;
