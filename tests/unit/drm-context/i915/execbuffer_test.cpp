#include "drm-context/i915/execbuffer.h"
#include "simgpu/inject.h"
#include "tests/unit/drm-context/i915/fixture.h"

namespace viaduct::i915 {
namespace {

class Execbuffers : public I915ContextTest {
  protected:
    ~Execbuffers() override { simgpu::set_injection({}); }
};

TEST_F(Execbuffers, RequestsAreChecked) {
    using Request = w::GemExecbuffer2Request;
    using Objects = std::vector<drm_i915_gem_exec_object2>;
    struct Case {
        const char* what;
        int32_t result;
        void (*change)(Request& request, Objects& objects);
    };
    const Case cases[] = {
        {"right", 0, [](Request&, Objects&) {}},
        {"FENCE_IN", EINVAL, [](Request& r, Objects&) { r.flags |= I915_EXEC_FENCE_IN; }},
        {"FENCE_OUT", EINVAL, [](Request& r, Objects&) { r.flags |= I915_EXEC_FENCE_OUT; }},
        {"FENCE_ARRAY", EINVAL, [](Request& r, Objects&) { r.flags |= I915_EXEC_FENCE_ARRAY; }},
        {"FENCE_SUBMIT", EINVAL, [](Request& r, Objects&) { r.flags |= I915_EXEC_FENCE_SUBMIT; }},
        {"extensions", EINVAL, [](Request& r, Objects&) { r.flags |= I915_EXEC_USE_EXTENSIONS; }},
        {"SECURE", EINVAL, [](Request& r, Objects&) { r.flags |= I915_EXEC_SECURE; }},
        {"all flags", EINVAL, [](Request& r, Objects&) { r.flags = UINT64_MAX; }},
        {"a context beyond 32 bits", EINVAL,
         [](Request& r, Objects&) { r.context_id = 1ull << 32; }},
        {"an unknown context", ENOENT, [](Request& r, Objects&) { r.context_id = 99; }},
        {"an engine that there is none of", EINVAL, [](Request& r, Objects&) { r.flags |= 0x3f; }},
        {"more buffers than came", EINVAL, [](Request& r, Objects&) { r.buffer_count = 3; }},
        {"fewer", EINVAL, [](Request& r, Objects&) { r.buffer_count = 1; }},
        {"a count that wraps", EINVAL,
         [](Request& r, Objects&) { r.buffer_count = 2 + 0x24924925u * 8; }},
        {"relocations that did not come", EINVAL, [](Request& r, Objects&) { r.relocs_count = 1; }},
        {"relocations of a buffer beyond all", EINVAL,
         [](Request&, Objects& o) { o[0].relocation_count = 1; }},
        {"a kernel's handle", EINVAL, [](Request&, Objects& o) { o[0].handle = 1; }},
        {"a batch beyond its buffer (the kernel's answer)", EINVAL,
         [](Request& r, Objects&) { r.batch_len = 8192; }},
        {"two in one place (the kernel's answer)", ENOSPC,
         [](Request&, Objects& o) { o[0].offset = o[1].offset; }},
        {"a pointer where relocations would be", 0,
         [](Request&, Objects& o) { o[0].relocs_ptr = 0xdeadbeef; }},
        {"reserved words", 0, [](Request&, Objects& o) { o[0].rsvd2 = 0xdeadbeef; }},
    };
    create_batch(21);
    create_batch(22);
    for (const Case& one : cases) {
        Request request = submission(2);
        Objects objects = {object(21, kHigh), object(22, kHigh + 0x10000)};
        one.change(request, objects);
        EXPECT_EQ(submit(request, objects), one.result) << one.what;
    }
}

TEST_F(Execbuffers, NoBufferIsCopiedIntoTheHostsErrorState) {
    create_batch(21);
    auto captured = object(21, kHigh);
    captured.flags |= EXEC_OBJECT_CAPTURE;
    const auto bytes =
        make(w::Command::kGemExecbuffer2, submission(1), std::as_bytes(std::span(&captured, 1)));
    std::vector<std::byte> answer;
    Execbuffer execbuffer(static_cast<I915Context&>(*context_));
    ASSERT_TRUE(execbuffer.translate(Request(bytes, answer)));
    const drm_i915_gem_execbuffer2 args = execbuffer.args();
    EXPECT_EQ(reinterpret_cast<drm_i915_gem_exec_object2*>(args.buffers_ptr)->flags, kPinned);
}

TEST_F(Execbuffers, RelocationsAreDealtOutInOrder) {
    create_batch(21);
    create_batch(22);
    drm_i915_gem_relocation_entry entry{};
    entry.offset = 64;
    entry.presumed_offset = 0x1000;
    auto request = submission(2);
    request.flags = I915_EXEC_HANDLE_LUT;
    request.relocs_count = 2;
    std::vector objects = {object(21, kHigh), object(22, kHigh + 0x10000)};
    objects[0].relocation_count = objects[1].relocation_count = 1;
    entry.target_handle = 1;
    EXPECT_EQ(submit(request, objects, {entry, entry}), 0);
    objects[1].relocation_count = 2;
    EXPECT_EQ(submit(request, objects, {entry, entry}), EINVAL);
    objects[1].relocation_count = UINT32_MAX;
    EXPECT_EQ(submit(request, objects, {entry, entry}), EINVAL);
    objects[1].relocation_count = 1;
    request.flags = 0;
    EXPECT_EQ(submit(request, objects, {entry, entry}), EINVAL) << "targets would be handles";
}

TEST_F(Execbuffers, TheRingIsTheEnginesIndex) {
    create_batch(21);
    EXPECT_FALSE(context_->rings().has_new_work(RingIndex(1)));
    EXPECT_EQ(submit(21), 0);
    EXPECT_TRUE(context_->rings().has_new_work(RingIndex(1)));
    const UniqueFd fence = context_->rings().take_newest(RingIndex(1));
    EXPECT_TRUE(fence);
    auto blit = submission(1);
    blit.flags |= I915_EXEC_BLT;
    EXPECT_EQ(submit(blit, {object(21, kHigh)}), 0);
    EXPECT_TRUE(context_->rings().has_new_work(RingIndex(1 + I915_EXEC_BLT)));
    EXPECT_EQ(context_->statistics().class_of(RingIndex(1)), QueueClass::kGraphics);
    EXPECT_EQ(context_->statistics().class_of(RingIndex(1 + I915_EXEC_BLT)), QueueClass::kCopy);
}

// The kernel gives the id away again at once, while the first context's work goes on.
TEST_F(Execbuffers, ARingWaitsForAllContextsThatHadOneId) {
    create_batch(21);
    create_batch(22);
    const auto make_context = [&](uint16_t engine_class) {
        struct {
            drm_i915_gem_context_create_ext_setparam record;
            uint64_t extensions;
            i915_engine_class_instance engine;
        } map{};
        map.record.param.param = I915_CONTEXT_PARAM_ENGINES;
        map.record.param.size = sizeof(map.extensions) + sizeof(map.engine);
        map.engine = {engine_class, 0};
        const size_t size = offsetof(decltype(map), engine) + sizeof(map.engine);
        return create_gem_context(std::as_bytes(std::span(&map, 1)).first(size)).ctx_id;
    };
    simgpu::set_injection(simgpu::parse_injection("slow:ring=render:ms=1000").value());
    drm_i915_gem_context_destroy destroy{make_context(I915_ENGINE_CLASS_RENDER), 0};
    EXPECT_EQ(submit(21, destroy.ctx_id), 0);
    EXPECT_EQ(simple(DRM_IOCTL_I915_GEM_CONTEXT_DESTROY, destroy), 0);
    const uint32_t other = make_context(I915_ENGINE_CLASS_COPY);
    ASSERT_EQ(other, destroy.ctx_id);
    EXPECT_EQ(submit(22, other), 0);
    wait_idle(22);
    w::GemBusyRequest busy{};
    busy.res_id = 21;
    ASSERT_NE(ask<w::GemBusyResponse>(w::Command::kGemBusy, busy).busy, 0);
    EXPECT_FALSE(context_->rings().idle(RingIndex(w::kFirstRing)));
}

TEST_F(Execbuffers, AHangSetsTheContextsBitBeforeItsFenceRetires) {
    create_batch(21);
    const uint32_t context = create_gem_context(false);
    simgpu::set_injection(simgpu::parse_injection("fault").value());
    EXPECT_EQ(submit(21, context), 0);
    wait_idle(21);
    simgpu::set_injection({});
    EXPECT_EQ(banned_mask(), 0u);
    context_->check_for_reset();
    EXPECT_EQ(banned_mask(), 1ull << context);
    EXPECT_EQ(submit(21, context), EIO);
    EXPECT_EQ(submit(21), 0) << "another context";
    drm_i915_gem_context_destroy destroy{context, 0};
    EXPECT_EQ(simple(DRM_IOCTL_I915_GEM_CONTEXT_DESTROY, destroy), 0);
    EXPECT_EQ(banned_mask(), 0u);
}

TEST_F(Execbuffers, AContextThatRecoversKeepsItsBitUntilItIsBanned) {
    create_batch(21);
    const uint32_t context = create_gem_context(true);
    simgpu::set_injection(simgpu::parse_injection("fault").value());
    for (int hang = 0; hang < 3; ++hang) {
        EXPECT_EQ(submit(21, context), 0);
        wait_idle(21);
        context_->check_for_reset();
        EXPECT_EQ(banned_mask(), 0u);
    }
    EXPECT_EQ(submit(21, context), EIO);
    EXPECT_EQ(banned_mask(), 1ull << context);
}

TEST_F(Execbuffers, WhatAGuestWritesIntoTheMaskMeansNothing) {
    const uint64_t scribble = UINT64_MAX;
    std::memcpy(shmem_.data() + offsetof(w::Shmem, banned_ctx_mask), &scribble, sizeof(scribble));
    create_batch(21);
    EXPECT_EQ(submit(21), 0);
    const uint32_t context = create_gem_context(false);
    drm_i915_gem_context_destroy destroy{context, 0};
    EXPECT_EQ(simple(DRM_IOCTL_I915_GEM_CONTEXT_DESTROY, destroy), 0);
    EXPECT_EQ(banned_mask(), 0u) << "the host's own value is stored";
}

}  // namespace
}  // namespace viaduct::i915
