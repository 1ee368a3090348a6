// Requests of a hostile guest of i915, and the answers.
#include <drm.h>
#include <gtest/gtest.h>
#include <i915_drm.h>

#include <array>
#include <cerrno>
#include <functional>

#include "tests/integration/abi/vmm.h"
#include "wire/i915.h"

namespace viaduct::test {
namespace {

namespace wire_i915 = wire::i915;
using I915Command = wire_i915::Command;

constexpr uint64_t kBatchVa = 0x1'0000'0000;

template <typename T>
std::span<const std::byte> bytes_of(const T& value) {
    return std::as_bytes(std::span(&value, 1));
}

class I915Requests : public ::testing::Test {
  protected:
    using Request = wire_i915::GemExecbuffer2Request;
    using Objects = std::vector<drm_i915_gem_exec_object2>;

    Request submission(uint32_t buffers) {
        Request request{};
        request.flags = I915_EXEC_NO_RELOC | I915_EXEC_HANDLE_LUT;
        request.context_id = gpu_context_.id;
        request.buffer_count = buffers;
        request.batch_len = 8;
        return request;
    }
    static drm_i915_gem_exec_object2 object(uint32_t res_id, uint64_t va) {
        drm_i915_gem_exec_object2 object{};
        object.handle = res_id;
        object.offset = va;
        object.flags = EXEC_OBJECT_PINNED | EXEC_OBJECT_SUPPORTS_48B_ADDRESS;
        return object;
    }
    int submit(const Request& request, const Objects& objects,
               std::span<const drm_i915_gem_relocation_entry> relocations = {}) {
        auto message = Message::of(I915Command::kGemExecbuffer2, request,
                                   sizeof(wire_i915::GemExecbuffer2Response),
                                   offsetof(wire_i915::GemExecbuffer2Response, ret));
        return guest_.ask(
            message.append(std::as_bytes(std::span(objects))).append(std::as_bytes(relocations)));
    }
    /// IOCTL_SIMPLE with an answer.
    template <typename Argument>
    int simple(GuestContext& guest, uint32_t cmd, const Argument& argument) {
        wire_i915::IoctlSimpleRequest request{};
        request.cmd = cmd;
        auto message = Message::of(
            I915Command::kIoctlSimple, request,
            static_cast<uint32_t>(sizeof(wire_i915::IoctlSimpleResponse) + sizeof(argument)),
            offsetof(wire_i915::IoctlSimpleResponse, ret));
        return guest.ask(message.append(std::as_bytes(std::span(&argument, 1))));
    }
    /// Whether there is such a buffer afterwards.
    bool creates(const wire_i915::GemCreateExtRequest& request, std::span<const std::byte> bytes) {
        guest_.ask(Message::of(I915Command::kGemCreateExt, request, 0, 0).append(bytes));
        const auto blob_id = static_cast<uint64_t>(request.blob_id);
        return guest_.create_blob(vmm_.next_res_id(), blob_id, request.size) == 0;
    }

    Vmm vmm_{std::chrono::seconds(60)};
    GuestContext guest_{vmm_, 1};
    GpuContext gpu_context_ = guest_.create_gpu_context();
    uint32_t batch_ = guest_.create_batch(kBatchVa);
};

TEST_F(I915Requests, SubmissionsNameNoPointersAndNoDescriptors) {  // D3, D6, D10, D12
    struct Case {
        const char* what;
        bool is_taken;
        std::function<void(Request&, Objects&)> change;
    };
    const Case cases[] = {
        {"as it should be", true, [](Request&, Objects&) {}},
        {"FENCE_IN", false, [](Request& r, Objects&) { r.flags |= I915_EXEC_FENCE_IN; }},
        {"FENCE_OUT", false, [](Request& r, Objects&) { r.flags |= I915_EXEC_FENCE_OUT; }},
        {"FENCE_ARRAY", false, [](Request& r, Objects&) { r.flags |= I915_EXEC_FENCE_ARRAY; }},
        {"FENCE_SUBMIT", false, [](Request& r, Objects&) { r.flags |= I915_EXEC_FENCE_SUBMIT; }},
        {"extensions", false, [](Request& r, Objects&) { r.flags |= I915_EXEC_USE_EXTENSIONS; }},
        {"SECURE", false, [](Request& r, Objects&) { r.flags |= I915_EXEC_SECURE; }},
        {"all flags", false, [](Request& r, Objects&) { r.flags = UINT64_MAX; }},
        {"a context beyond 32 bits", false,
         [](Request& r, Objects&) { r.context_id |= 1ull << 32; }},
        {"no engine", false, [](Request& r, Objects&) { r.flags |= 0x3f; }},
        {"no buffers", false, [](Request& r, Objects&) { r.buffer_count = 0; }},
        {"more buffers than came", false, [](Request& r, Objects&) { r.buffer_count = 2; }},
        // 8 times 56 times that is 2^35 and a bit: one buffer, in 32 bits.
        {"a count that wraps", false, [](Request& r, Objects&) { r.buffer_count = 0x24924925; }},
        {"the largest count", false, [](Request& r, Objects&) { r.buffer_count = UINT32_MAX; }},
        {"relocations that did not come", false,
         [](Request& r, Objects&) { r.relocs_count = UINT32_MAX; }},
        {"relocations of a buffer beyond all", false,
         [](Request&, Objects& o) { o[0].relocation_count = UINT32_MAX; }},
        {"a batch beyond its buffer", false, [](Request& r, Objects&) { r.batch_len = 8192; }},
        {"a batch that begins there", false,
         [](Request& r, Objects&) { r.batch_start_offset = 0xfffffff8; }},
        {"the control buffer", false, [](Request&, Objects& o) { o[0].handle = 2; }},
        {"a pointer where relocations would be", true,
         [](Request&, Objects& o) { o[0].relocs_ptr = 0xdeadbeef; }},
        {"reserved words", true, [](Request&, Objects& o) { o[0].rsvd2 = UINT64_MAX; }},
    };
    ASSERT_NE(batch_, 0u);
    for (const Case& one : cases) {
        Request request = submission(1);
        Objects objects = {object(batch_, kBatchVa)};
        one.change(request, objects);
        EXPECT_EQ(submit(request, objects) == 0, one.is_taken) << one.what;
    }
    EXPECT_TRUE(guest_.fence_retires(gpu_context_.ring));
}

TEST_F(I915Requests, ABufferListedTwiceIsTheKernelsToJudge) {  // D6
    const Objects objects(1000, object(batch_, kBatchVa));
    for (const uint32_t count : {2u, 1000u})
        submit(submission(count), Objects(objects.begin(), objects.begin() + count));
    EXPECT_TRUE(guest_.fence_retires(gpu_context_.ring));
    EXPECT_EQ(submit(submission(1), Objects(1, objects[0])), 0) << "the buffer is there still";
    EXPECT_TRUE(guest_.settle());
}

TEST_F(I915Requests, RelocationsNameBuffersByTheirPlace) {  // D12
    drm_i915_gem_relocation_entry entry{};
    entry.offset = 64;
    Request request = submission(1);
    request.flags = 0;  // targets would be handles of the kernel's
    request.relocs_count = 1;
    Objects objects = {object(batch_, kBatchVa)};
    objects[0].relocation_count = 1;
    EXPECT_NE(submit(request, objects, std::span(&entry, 1)), 0);
    request.flags = I915_EXEC_HANDLE_LUT;
    for (const uint32_t target : {1u, UINT32_MAX}) {
        entry.target_handle = target;
        EXPECT_NE(submit(request, objects, std::span(&entry, 1)), 0) << target;
    }
    entry.target_handle = 0;
    entry.offset = 4096;
    EXPECT_NE(submit(request, objects, std::span(&entry, 1)), 0) << "outside its buffer";
}

TEST_F(I915Requests, ChainsOfExtensionsAreTheHosts) {  // D11
    struct Chain {
        drm_i915_gem_create_ext_memory_regions head;
        drm_i915_gem_memory_class_instance region;
    };
    Chain right{};
    right.head.num_regions = 1;
    right.region.memory_class = I915_MEMORY_CLASS_SYSTEM;
    // Pointers that the guest writes are not looked at.
    right.head.base.next_extension = 0xdead'beef;
    right.head.regions = 0xdead'beef;
    constexpr size_t kSize = sizeof(right.head) + sizeof(right.region);
    struct Case {
        const char* what;
        size_t bytes;
        uint32_t claimed;
        std::function<void(Chain&)> change;
    };
    const Case cases[] = {
        {"a part of an entry", 12, 12, [](Chain&) {}},
        {"an entry without its regions", 48, 48, [](Chain&) {}},
        {"a size that is larger than what came", kSize, kSize + 8, [](Chain&) {}},
        {"a size that wraps", kSize, UINT32_MAX - 3, [](Chain&) {}},
        {"an unknown name", kSize, kSize, [](Chain& c) { c.head.base.name = 77; }},
        {"more regions than came", kSize, kSize, [](Chain& c) { c.head.num_regions = 2; }},
        {"a count that wraps", kSize, kSize, [](Chain& c) { c.head.num_regions = 0x40000001; }},
        {"no region", kSize, kSize, [](Chain& c) { c.head.num_regions = 0; }},
        {"a region of nowhere", kSize, kSize, [](Chain& c) { c.region.memory_class = 0xffff; }},
    };
    wire_i915::GemCreateExtRequest request{};
    request.size = 4096;
    request.blob_id = 9;
    for (const Case& one : cases) {
        Chain chain = right;
        one.change(chain);
        request.ext_size = one.claimed;
        EXPECT_FALSE(creates(request, bytes_of(chain).first(one.bytes))) << one.what;
    }
    request.ext_size = kSize;
    EXPECT_TRUE(creates(request, bytes_of(right).first(kSize))) << "the id is free still";
}

TEST_F(I915Requests, ContextsHaveNoPointersAndNoPrivileges) {  // D11, D16
    struct Record {
        drm_i915_gem_context_create_ext_setparam setparam;
        uint64_t data[2];
    };
    struct Case {
        const char* what;
        uint32_t name;
        uint64_t param, value;
        uint32_t size;
        size_t data;  // bytes behind the record
    };
    const Case cases[] = {
        {"a clone", 1, I915_CONTEXT_PARAM_RECOVERABLE, 0, 0, 0},
        {"a parameter that does not travel", 0, I915_CONTEXT_PARAM_RINGSIZE, 4096, 0, 0},
        {"a number with data", 0, I915_CONTEXT_PARAM_RECOVERABLE, 0, 8, 8},
        {"data that did not come", 0, I915_CONTEXT_PARAM_ENGINES, 0, 64, 8},
        {"a size that wraps", 0, I915_CONTEXT_PARAM_ENGINES, 0, UINT32_MAX - 3, 8},
        {"a pointer to engines", 0, I915_CONTEXT_PARAM_ENGINES, 0xdead'beef, 0, 0},
        {"engines with a pointer", 0, I915_CONTEXT_PARAM_ENGINES, 0, 8, 8},
        {"an address space of nobody", 0, I915_CONTEXT_PARAM_VM, 77, 0, 0},
        {"a high priority", 0, I915_CONTEXT_PARAM_PRIORITY, 512, 0, 0},
        {"a context that is never banned", 0, I915_CONTEXT_PARAM_BANNABLE, 0, 0, 0},
    };
    for (const Case& one : cases) {
        Record record{};
        record.setparam.base.name = one.name;
        record.setparam.param.param = one.param;
        record.setparam.param.value = one.value;
        record.setparam.param.size = one.size;
        record.data[0] = 0xdead'beef;  // of engines: their extensions
        const size_t size = sizeof(record.setparam) + one.data;
        wire_i915::GemContextCreateRequest request{};
        request.flags = I915_CONTEXT_CREATE_FLAGS_USE_EXTENSIONS;
        request.params_size = static_cast<uint32_t>(size);
        auto message = Message::of(I915Command::kGemContextCreate, request,
                                   sizeof(wire_i915::GemContextCreateResponse),
                                   offsetof(wire_i915::GemContextCreateResponse, ret));
        EXPECT_NE(guest_.ask(message.append(bytes_of(record).first(size))), 0) << one.what;
    }
    EXPECT_TRUE(guest_.settle());
}

TEST_F(I915Requests, NoIoctlTravelsThatIsNotInTheTable) {  // D13
    const auto with_size = [](uint32_t cmd, uint32_t size) {
        return (cmd & ~(0x3fffu << 16)) | size << 16;
    };
    struct Case {
        const char* what;
        uint32_t cmd, payload;
    };
    for (const Case& one :
         {Case{"one with a pointer", DRM_IOCTL_I915_GEM_USERPTR, 24},
          Case{"one of the core", DRM_IOCTL_PRIME_HANDLE_TO_FD, 12},
          Case{"another size", with_size(DRM_IOCTL_I915_REG_READ, 24), 24},
          Case{"another direction", DRM_IOCTL_I915_GEM_SET_TILING & ~IOC_OUT, 16},
          Case{"the largest size", with_size(DRM_IOCTL_I915_REG_READ, 0x3fff & ~3u), 0x3ffc},
          Case{"too little", DRM_IOCTL_I915_REG_READ, 12},
          Case{"too much", DRM_IOCTL_I915_REG_READ, 20}, Case{"nothing", 0, 0},
          Case{"all ones", UINT32_MAX, 128}}) {
        wire_i915::IoctlSimpleRequest request{};
        request.cmd = one.cmd;
        std::memset(guest_.area().data(), 0xee, 64);
        const uint32_t room = 64;
        std::memcpy(guest_.area().data(), &room, sizeof(room));
        auto message = Message::of(I915Command::kIoctlSimple, request, 0, 0);
        message.append(std::vector<std::byte>(one.payload));
        const uint32_t seqno = guest_.next_seqno();
        guest_.submit(Commands().add(message, {0, 0, seqno, 0}));
        ASSERT_TRUE(guest_.wait_seqno(seqno)) << one.what;
        std::array<uint32_t, 16> answer;
        std::memcpy(answer.data(), guest_.area().data(), sizeof(answer));
        EXPECT_NE(answer[1], 0u) << one.what << " was done";
        for (const uint32_t word : std::span(answer).subspan(2))
            EXPECT_TRUE(word == 0 || word == 0xeeeeeeee) << one.what << " had an answer";
    }
    EXPECT_TRUE(guest_.settle());
    drm_i915_gem_vm_control space{};
    space.extensions = 0xdead'beef;
    EXPECT_NE(simple(guest_, DRM_IOCTL_I915_GEM_VM_CREATE, space), 0);
}

TEST_F(I915Requests, ABusyBufferHoldsNobodyUp) {  // E7
    const uint32_t work = guest_.submit_held_write(gpu_context_, 1, 0x9000'0000);
    ASSERT_NE(work, 0u);
    wire_i915::IoctlSimpleRequest request{};
    request.cmd = DRM_IOCTL_I915_GEM_SET_DOMAIN;
    const drm_i915_gem_set_domain domain{work, I915_GEM_DOMAIN_CPU, I915_GEM_DOMAIN_CPU};
    for (int i = 0; i < 100; ++i) {
        auto message = Message::of(I915Command::kIoctlSimple, request, 0, 0);
        guest_.ask(message.append(bytes_of(domain)));
    }
    EXPECT_TRUE(guest_.settle()) << "while the work goes on";
    EXPECT_EQ(guest_.error_of(work), 0);
    release_work(work);
    EXPECT_TRUE(guest_.fence_retires(gpu_context_.ring));
}

TEST_F(I915Requests, OthersDoNotChooseTheCacheMode) {  // C21
    GuestContext other(vmm_, 2);
    const uint32_t res_id = guest_.create_buffer(4096, kMappable | kShareable);
    ASSERT_NE(res_id, 0u);
    vmm_.attach(2, res_id);
    EXPECT_EQ(other.error_of(res_id), 0);
    uint32_t before = 0, after = 0;
    ASSERT_EQ(virgl_renderer_resource_get_map_info(res_id, &before), 0);
    const MappedResource memory(res_id);
    for (GuestContext* guest : {&other, &guest_}) {  // the creator, once it is mapped
        for (const uint32_t mode : {0u, 1u, 3u, 4u, 5u, UINT32_MAX}) {
            wire_i915::GemSetMmapModeRequest request{};
            request.res_id = res_id;
            request.flags = mode;
            guest->ask(Message::of(I915Command::kGemSetMmapMode, request, 0, 0));
        }
    }
    EXPECT_TRUE(other.settle());
    ASSERT_EQ(virgl_renderer_resource_get_map_info(res_id, &after), 0);
    EXPECT_EQ(after, before);
}

}  // namespace
}  // namespace viaduct::test
