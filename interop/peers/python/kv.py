"""The key-value service and the shutdown call, for both sides. PROTO_DIR holds protoc's output for the proto files."""

import os
import sys

sys.path.insert(0, os.environ["PROTO_DIR"])

import grpc_controller_pb2 as controller  # noqa: E402
import kv_pb2 as kv  # noqa: E402

# Messages of any size, as in go-plugin, and no proxy from the environment, as the peer is local.
OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.enable_http_proxy", 0),
]


class Client:
    """The calls that a plugin answers."""

    def __init__(self, channel):
        encode = lambda message: message.SerializeToString()  # noqa: E731
        self.get = channel.unary_unary("/proto.KV/Get", encode, kv.GetResponse.FromString)
        self.put = channel.unary_unary("/proto.KV/Put", encode, kv.Empty.FromString)
        self.list = channel.unary_stream("/proto.KV/List", encode, kv.Entry.FromString)
        self.put_all = channel.stream_unary("/proto.KV/PutAll", encode, kv.PutAllResponse.FromString)
        self.shutdown = channel.unary_unary("/plugin.GRPCController/Shutdown", encode, controller.Empty.FromString)
        # The messages of the health service are not installed. These two have one field each.
        self.health = channel.unary_unary("/grpc.health.v1.Health/Check")


# HealthCheckRequest{service: "plugin"} and HealthCheckResponse{status: SERVING}.
HEALTH_OF_PLUGIN = b"\x0a\x06plugin"
SERVING = b"\x08\x01"
