// A server over the fake renderer on a thread of the test, and programs' ioctls on its node.
#pragma once

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "blob/mapping.h"
#include "tests/loopback/client/gpu_file.h"
#include "tests/loopback/fake_renderer/fake_renderer.h"
#include "tests/loopback/server/server.h"
#include "wire/capset.h"
#include "wire/ccmd.h"
#include "wire/virtgpu.h"

namespace viaduct::loopback {

/// The window of a test is small: sanitizers keep shadows of address space.
inline constexpr uint64_t kWindowSize = 64u << 20;

/// Requests of the fake's protocol, back to back.
class CommandBuffer {
  public:
    template <typename T>
    CommandBuffer& add(fake::Command command, const T& body, uint32_t rsp_off = 0) {
        const wire::RequestHeader header{static_cast<uint32_t>(command),
                                         sizeof(wire::RequestHeader) + sizeof(T), next_seqno_++,
                                         rsp_off};
        append(&header, sizeof(header));
        append(&body, sizeof(body));
        return *this;
    }
    const std::vector<std::byte>& bytes() const { return bytes_; }

  private:
    void append(const void* data, size_t size) {
        const auto* bytes = static_cast<const std::byte*>(data);
        bytes_.insert(bytes_.end(), bytes, bytes + size);
    }
    std::vector<std::byte> bytes_;
    uint32_t next_seqno_ = 1;
};

/// An open file of the node, used as a program would.
class GuestProgram {
  public:
    explicit GuestProgram(const std::string& socket_path,
                          GpuFile::NodeType type = GpuFile::NodeType::kRender) {
        auto file = GpuFile::open(socket_path, type);
        if (!file) ADD_FAILURE() << file.error().message;
        if (file) file_ = std::move(*file);
    }

    template <typename T>
    int call(wire::virtgpu::Ioctl ioctl, T& argument) {
        return file_->ioctl(wire::virtgpu::request<T>(ioctl), &argument);
    }
    int raw(unsigned long request, void* argument) { return file_->ioctl(request, argument); }

    int init_context(uint64_t rings = 64) {
        std::vector<wire::virtgpu::ContextSetParam> params = {{1, wire::kCapsetDrm}, {2, rings}};
        wire::virtgpu::ContextInit init{2, 0, reinterpret_cast<uint64_t>(params.data())};
        return call(wire::virtgpu::Ioctl::kContextInit, init);
    }
    /// The kernel's results, handles included.
    wire::virtgpu::ResourceCreateBlob create_blob(uint64_t blob_id, uint64_t size,
                                                  const CommandBuffer& commands = {},
                                                  uint32_t flags = wire::virtgpu::kBlobMappable) {
        wire::virtgpu::ResourceCreateBlob blob{};
        blob.blob_mem = wire::virtgpu::BlobMem::kHost3d;
        blob.blob_flags = flags;
        blob.size = size;
        blob.blob_id = blob_id;
        blob.cmd = reinterpret_cast<uint64_t>(commands.bytes().data());
        blob.cmd_size = static_cast<uint32_t>(commands.bytes().size());
        EXPECT_EQ(call(wire::virtgpu::Ioctl::kResourceCreateBlob, blob), 0);
        return blob;
    }
    Result<Mapping> map(uint32_t handle, size_t size) {
        wire::virtgpu::Map map{0, handle, 0};
        if (const int status = call(wire::virtgpu::Ioctl::kMap, map); status != 0)
            return fail(-status, "MAP");
        auto source = file_->map_source(map.offset);
        if (!source) return fail(source.error(), "mmap");
        return Mapping::map_shared(source->fd.get(), source->offset, size);
    }
    /// A fenced submission on `ring`; returns its sync file.
    UniqueFd submit(uint32_t ring, const CommandBuffer& commands) {
        wire::virtgpu::Execbuffer request{};
        request.flags = wire::virtgpu::kExecbufFenceFdOut | wire::virtgpu::kExecbufRingIdx;
        request.ring_idx = ring;
        request.command = reinterpret_cast<uint64_t>(commands.bytes().data());
        request.size = static_cast<uint32_t>(commands.bytes().size());
        EXPECT_EQ(call(wire::virtgpu::Ioctl::kExecbuffer, request), 0);
        return UniqueFd(request.fence_fd);
    }
    /// Waits until the server has done all that was posted before.
    void sync() {
        const UniqueFd fence = submit(0, CommandBuffer{});
        EXPECT_TRUE(wait(fence));
    }
    static bool wait(const UniqueFd& sync_file, int timeout_ms = 10'000);

    void close() { file_.reset(); }

  private:
    std::unique_ptr<GpuFile> file_;
};

class LoopbackTest : public ::testing::Test {
  protected:
    void SetUp() override { start({}); }
    void TearDown() override { stop(); }

    void start(DeviceOptions options);
    void stop();
    GuestProgram program(GpuFile::NodeType type = GpuFile::NodeType::kRender) {
        return GuestProgram(socket_path_, type);
    }
    /// The library calls since the last time.
    fake::Journal journal();

    std::string socket_path_;
    std::unique_ptr<RendererApi> api_;

  private:
    UniqueFd stop_fd_;
    std::thread server_;
};

}  // namespace viaduct::loopback
