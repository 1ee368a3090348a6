// The server's handling of each message.
#include <sys/socket.h>

#include <algorithm>

#include "base/log.h"
#include "tests/loopback/server/server.h"

namespace viaduct::loopback {

const Server::HandlerEntry Server::kHandlers[] = {
    {MessageType::kHello, &Server::on_hello},
    {MessageType::kGetCapset, &Server::on_get_capset},
    {MessageType::kCreateContext, &Server::on_create_context},
    {MessageType::kCreateBlob, &Server::on_create_blob},
    {MessageType::kSubmit, &Server::on_submit},
    {MessageType::kMapBlob, &Server::on_map_blob},
    {MessageType::kExportBlob, &Server::on_export_blob},
    {MessageType::kImportBlob, &Server::on_import_blob},
    {MessageType::kCloseResource, &Server::on_close_resource},
    {MessageType::kCreateClassic, &Server::on_create_classic},
    {MessageType::kTransfer, &Server::on_transfer},
};

namespace {

template <typename T>
Result<T> expect_body(const Packet& packet) {
    if (const auto body = packet.body_as<T>()) return *body;
    return fail(EBADMSG, "message {} with a body of {} bytes",
                static_cast<uint32_t>(packet.header.type), packet.body.size());
}

Result<Packet> reply_of(Status status) {
    if (!status) return tl::unexpected(status.error());
    return Packet::reply(0, 0);
}

Result<Packet> blob_reply(Result<BlobReply> blob) {
    if (!blob) return tl::unexpected(blob.error());
    Packet reply = Packet::reply(0, 0);
    reply.set_body(blob->blob);
    if (!blob->fd) return fail(EMFILE, "no descriptor left for a blob");
    reply.descriptors.push_back(std::move(blob->fd));
    return reply;
}

}  // namespace

void Server::handle(Client& client, Packet& request) {
    const uint32_t request_id = request.header.request_id;
    if (request.header.type == MessageType::kWaitResource) return on_wait_resource(client, request);
    const auto entry = std::ranges::find(kHandlers, request.header.type, &HandlerEntry::type);
    Result<Packet> reply =
        fail(ENOTTY, "unknown message {}", static_cast<uint32_t>(request.header.type));
    if (entry != std::end(kHandlers)) reply = (this->*entry->handler)(client, request);
    if (!reply) {
        // EINVAL and friends are a guest's everyday mistakes; they matter to who looks for them.
        log(LogLevel::kInfo, "loopback: file {}: {}", client.file, reply.error().message);
        reply = Packet::reply(0, -reply.error().code);
    }
    if (request_id == 0) return;
    reply->header.request_id = request_id;
    send(client.replies, std::move(*reply));
}

Result<Packet> Server::on_hello(Client& client, Packet& request) {
    const auto hello = expect_body<Hello>(request);
    if (!hello) return tl::unexpected(hello.error());
    if (hello->version != kProtocolVersion)
        return fail(EPROTO, "client of version {}, server of version {}", hello->version,
                    kProtocolVersion);
    if (client.queue) return fail(EPROTO, "the client has said hello before");
    auto queue = RequestQueue::open(request.take_descriptor(0));
    if (!queue) return tl::unexpected(queue.error());
    int fences[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fences) != 0)
        return fail(errno, "cannot create a pair of sockets");
    UniqueFd clients_end(fences[1]);
    client.fences = {UniqueFd(fences[0]), kFencesOfClient | client.file};
    if (auto status = watch(client.fences.socket.get(), client.fences.key, 0); !status)
        return tl::unexpected(status.error());
    client.queue = std::move(*queue);
    Packet reply = Packet::reply(0, 0);
    reply.set_body(device_.probe());
    reply.descriptors.push_back(shared_fd_.duplicate());
    reply.descriptors.push_back(doorbell_.duplicate());
    reply.descriptors.push_back(std::move(clients_end));
    return reply;
}

Result<Packet> Server::on_get_capset(Client&, Packet& request) {
    const auto body = expect_body<GetCapset>(request);
    if (!body) return tl::unexpected(body.error());
    auto data = device_.get_capset(*body);
    if (!data) return tl::unexpected(data.error());
    Packet reply = Packet::reply(0, 0);
    reply.payload = std::move(*data);
    return reply;
}

Result<Packet> Server::on_create_context(Client& client, Packet& request) {
    const auto body = expect_body<CreateContext>(request);
    if (!body) return tl::unexpected(body.error());
    return reply_of(device_.create_context(client.file, *body));
}

Result<Packet> Server::on_create_blob(Client& client, Packet& request) {
    const auto body = expect_body<CreateBlob>(request);
    if (!body) return tl::unexpected(body.error());
    return reply_of(
        device_.create_blob(client.file, *body, request.payload, request.take_descriptor(0)));
}

Result<Packet> Server::on_submit(Client& client, Packet& request) {
    const auto body = expect_body<Submit>(request);
    if (!body) return tl::unexpected(body.error());
    return reply_of(device_.submit(client.file, *body, request.payload));
}

Result<Packet> Server::on_map_blob(Client& client, Packet& request) {
    const auto body = expect_body<ResourceRequest>(request);
    if (!body) return tl::unexpected(body.error());
    return blob_reply(device_.map_blob(client.file, body->resource_id));
}

Result<Packet> Server::on_export_blob(Client& client, Packet& request) {
    const auto body = expect_body<ResourceRequest>(request);
    if (!body) return tl::unexpected(body.error());
    return blob_reply(device_.export_blob(client.file, body->resource_id));
}

Result<Packet> Server::on_import_blob(Client& client, Packet& request) {
    const auto body = expect_body<ImportBlob>(request);
    if (!body) return tl::unexpected(body.error());
    const auto imported = device_.import_blob(client.file, *body);
    if (!imported) return tl::unexpected(imported.error());
    Packet reply = Packet::reply(0, 0);
    reply.set_body(*imported);
    return reply;
}

Result<Packet> Server::on_close_resource(Client& client, Packet& request) {
    const auto body = expect_body<ResourceRequest>(request);
    if (!body) return tl::unexpected(body.error());
    return reply_of(device_.close_resource(client.file, body->resource_id));
}

Result<Packet> Server::on_create_classic(Client& client, Packet& request) {
    const auto body = expect_body<CreateClassic>(request);
    if (!body) return tl::unexpected(body.error());
    return reply_of(device_.create_classic(client.file, *body, request.take_descriptor(0)));
}

Result<Packet> Server::on_transfer(Client& client, Packet& request) {
    const auto body = expect_body<Transfer>(request);
    if (!body) return tl::unexpected(body.error());
    return reply_of(device_.transfer(client.file, *body));
}

void Server::on_wait_resource(Client& client, const Packet& request) {
    const auto body = request.body_as<ResourceRequest>();
    if (!body) return;
    const bool busy = device_.is_busy(body->resource_id);
    if (busy && !body->no_wait)
        idle_waiters_.push_back({client.file, body->resource_id, request.header.request_id});
    else
        send(client.replies, Packet::reply(request.header.request_id, busy ? -EBUSY : 0));
}

}  // namespace viaduct::loopback
