#include <unistd.h>

#include <cerrno>

#include "simgpu/inject.h"
#include "simgpu/intel/kernel/i915/context.h"
#include "tests/unit/simgpu/intel/kernel/i915/fixture.h"

namespace simgpu::intel::i915 {
namespace {

using Args = drm_i915_gem_execbuffer2;

class Execbuffers : public I915Test {
  protected:
    ~Execbuffers() override { set_injection({}); }
};

TEST_F(Execbuffers, ArgumentsAreChecked) {
    struct Case {
        const char* what;
        int result;
        void (*change)(Args& args, std::vector<Object>& objects);
    };
    const Case cases[] = {
        {"right", 0, [](Args&, std::vector<Object>&) {}},
        {"no buffers", -EINVAL, [](Args& a, std::vector<Object>&) { a.buffer_count = 0; }},
        {"an unknown flag", -EINVAL, [](Args& a, std::vector<Object>&) { a.flags |= 1 << 22; }},
        {"constants", -EINVAL,
         [](Args& a, std::vector<Object>&) { a.flags |= I915_EXEC_CONSTANTS_ABSOLUTE; }},
        {"secure", -ENODEV, [](Args& a, std::vector<Object>&) { a.flags |= I915_EXEC_SECURE; }},
        {"SOL reset", -EINVAL,
         [](Args& a, std::vector<Object>&) { a.flags |= I915_EXEC_GEN7_SOL_RESET; }},
        {"cliprects", -EINVAL, [](Args& a, std::vector<Object>&) { a.num_cliprects = 1; }},
        {"DR1", -EINVAL, [](Args& a, std::vector<Object>&) { a.DR1 = 1; }},
        {"garbage in DR4", 0, [](Args& a, std::vector<Object>&) { a.DR4 = UINT32_MAX; }},
        {"an odd length", -EINVAL, [](Args& a, std::vector<Object>&) { a.batch_len = 4; }},
        {"beyond the batch", -EINVAL, [](Args& a, std::vector<Object>&) { a.batch_len = 8192; }},
        {"an empty rest", -EINVAL,
         [](Args& a, std::vector<Object>&) { a.batch_start_offset = 4096; }},
        {"no context", -ENOENT, [](Args& a, std::vector<Object>&) { a.rsvd1 = 99; }},
        {"no engine", -EINVAL, [](Args& a, std::vector<Object>&) { a.flags |= 6; }},
        {"a video engine", 0, [](Args& a, std::vector<Object>&) { a.flags |= I915_EXEC_BSD; }},
        {"the second one", 0,
         [](Args& a, std::vector<Object>&) { a.flags |= I915_EXEC_BSD | I915_EXEC_BSD_RING2; }},
        {"the second one as an index", -EINVAL,
         [](Args& a, std::vector<Object>&) { a.flags |= kSecondVideoSlot; }},
        {"no third one", -EINVAL,
         [](Args& a, std::vector<Object>&) { a.flags |= I915_EXEC_BSD | I915_EXEC_BSD_MASK; }},
        {"a video engine that is none", -EINVAL,
         [](Args& a, std::vector<Object>&) { a.flags |= I915_EXEC_BSD_RING1; }},
        {"no buffer", -ENOENT, [](Args&, std::vector<Object>& o) { o[0].handle = 99; }},
        {"NEEDS_GTT", -EINVAL,
         [](Args&, std::vector<Object>& o) { o[0].flags |= EXEC_OBJECT_NEEDS_GTT; }},
        {"an unknown flag of a buffer", -EINVAL,
         [](Args&, std::vector<Object>& o) { o[0].flags |= 1 << 8; }},
        {"alignment", -EINVAL, [](Args&, std::vector<Object>& o) { o[0].alignment = 3; }},
        {"within a page", -EINVAL, [](Args&, std::vector<Object>& o) { o[0].offset += 16; }},
        {"not canonical", -EINVAL,
         [](Args&, std::vector<Object>& o) { o[0].offset = 1ull << 47; }},
        {"canonical", 0,
         [](Args&, std::vector<Object>& o) { o[0].offset = 0xffff800000000000; }},
        {"high without the flag", -EINVAL,
         [](Args&, std::vector<Object>& o) { o[0].flags &= ~EXEC_OBJECT_SUPPORTS_48B_ADDRESS; }},
        {"padding", -EINVAL, [](Args&, std::vector<Object>& o) {
             o[0].flags |= EXEC_OBJECT_PAD_TO_SIZE;
             o[0].pad_to_size = 5000;
         }},
        {"a batch that is written", -EINVAL,
         [](Args&, std::vector<Object>& o) { o.back().flags |= EXEC_OBJECT_WRITE; }},
        {"overlap", -ENOSPC,
         [](Args&, std::vector<Object>& o) { o[0].offset = o[1].offset; }},
        {"both kinds of in-fence", -EINVAL, [](Args& a, std::vector<Object>&) {
             a.flags |= I915_EXEC_FENCE_IN | I915_EXEC_FENCE_SUBMIT;
         }},
        {"an in-fence that is not a sync file", -EINVAL, [](Args& a, std::vector<Object>&) {
             a.flags |= I915_EXEC_FENCE_IN;
             a.rsvd2 = 0;
         }},
    };
    const uint32_t data = create(), batch = create_batch();
    for (const Case& one : cases) {
        std::vector<Object> objects = {object(data, kHigh), object(batch, kHigh + 0x10000)};
        Args args = args_for(objects);
        one.change(args, objects);
        EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_EXECBUFFER2_WR, &args), one.result) << one.what;
    }
}

TEST_F(Execbuffers, BuffersThatAreNotPinnedGetAPlaceAndKeepIt) {
    std::vector<Object> objects = {object(create_batch(), 0, 0), object(create_batch(), 0, 0)};
    Args args = args_for(objects);
    ASSERT_EQ(ioctl(DRM_IOCTL_I915_GEM_EXECBUFFER2_WR, &args), 0);
    EXPECT_NE(objects[0].offset, objects[1].offset);
    const std::vector<Object> before = objects;
    ASSERT_EQ(ioctl(DRM_IOCTL_I915_GEM_EXECBUFFER2_WR, &args), 0);
    EXPECT_EQ(objects[1].offset, before[1].offset);
    // Another buffer that is pinned there pushes it out.
    ASSERT_EQ(submit({object(create_batch(), before[1].offset)}), 0);
    ASSERT_EQ(ioctl(DRM_IOCTL_I915_GEM_EXECBUFFER2_WR, &args), 0);
    EXPECT_NE(objects[1].offset, before[1].offset);
}

TEST_F(Execbuffers, RelocationsWriteAddresses) {
    const uint32_t target = create(), batch = create_batch();
    drm_i915_gem_relocation_entry entry{};
    entry.target_handle = 0;
    entry.delta = 0x40;
    entry.offset = 16;
    entry.presumed_offset = 0x123000;
    std::vector<Object> objects = {object(target, kHigh), object(batch, kHigh + 0x10000)};
    objects[1].relocation_count = 1;
    objects[1].relocs_ptr = reinterpret_cast<uintptr_t>(&entry);
    Args args = args_for(objects);
    ASSERT_EQ(ioctl(DRM_IOCTL_I915_GEM_EXECBUFFER2_WR, &args), 0);
    EXPECT_EQ(read<uint64_t>(batch, 16), 0u) << "NO_RELOC, and nothing has moved";
    args.flags &= ~uint64_t{I915_EXEC_NO_RELOC};
    ASSERT_EQ(ioctl(DRM_IOCTL_I915_GEM_EXECBUFFER2_WR, &args), 0);
    EXPECT_EQ(read<uint64_t>(batch, 16), kHigh + 0x40);
    EXPECT_EQ(entry.presumed_offset, kHigh);
    entry.offset = 4096 - 4;
    entry.presumed_offset = 0;
    EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_EXECBUFFER2_WR, &args), -EINVAL);
    entry.target_handle = 2;
    EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_EXECBUFFER2_WR, &args), -ENOENT);
}

TEST_F(Execbuffers, FenceArraysWaitAndSignal) {
    std::vector<Object> objects = {object(create_batch(), kHigh)};
    Args args = args_for(objects);
    drm_i915_gem_exec_fence fence{create_syncobj(), I915_EXEC_FENCE_WAIT};
    args.flags |= I915_EXEC_FENCE_ARRAY;
    args.num_cliprects = 1;
    args.cliprects_ptr = reinterpret_cast<uintptr_t>(&fence);
    EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_EXECBUFFER2_WR, &args), -EINVAL) << "no fence in it yet";
    fence.flags = I915_EXEC_FENCE_SIGNAL;
    EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_EXECBUFFER2_WR, &args), 0);
    EXPECT_EQ(wait_syncobj(fence.handle), 0);
    fence.flags = 4;
    EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_EXECBUFFER2_WR, &args), -EINVAL);
    fence = {99, I915_EXEC_FENCE_SIGNAL};
    EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_EXECBUFFER2_WR, &args), -ENOENT);
}

TEST_F(Execbuffers, TimelineFencesHavePoints) {
    std::vector<Object> objects = {object(create_batch(), kHigh)};
    Args args = args_for(objects);
    drm_i915_gem_exec_fence fence{create_syncobj(), I915_EXEC_FENCE_SIGNAL};
    uint64_t point = 5;
    drm_i915_gem_execbuffer_ext_timeline_fences extension{};
    extension.fence_count = 1;
    extension.handles_ptr = reinterpret_cast<uintptr_t>(&fence);
    extension.values_ptr = reinterpret_cast<uintptr_t>(&point);
    args.flags |= I915_EXEC_USE_EXTENSIONS;
    args.cliprects_ptr = reinterpret_cast<uintptr_t>(&extension);
    EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_EXECBUFFER2_WR, &args), 0);
    EXPECT_EQ(wait_syncobj(fence.handle, 5), 0);
    fence.flags = I915_EXEC_FENCE_WAIT;
    EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_EXECBUFFER2_WR, &args), 0);
    point = 9;
    EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_EXECBUFFER2_WR, &args), -EINVAL) << "nobody's point";
    fence.flags = I915_EXEC_FENCE_WAIT | I915_EXEC_FENCE_SIGNAL;
    EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_EXECBUFFER2_WR, &args), -EINVAL);
    args.num_cliprects = 1;
    EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_EXECBUFFER2_WR, &args), -EINVAL);
}

TEST_F(Execbuffers, OutFencesAreInFencesOfOthers) {
    std::vector<Object> objects = {object(create_batch(), kHigh)};
    Args args = args_for(objects);
    args.flags |= I915_EXEC_FENCE_OUT;
    ASSERT_EQ(ioctl(DRM_IOCTL_I915_GEM_EXECBUFFER2_WR, &args), 0);
    const auto fence = static_cast<int>(args.rsvd2 >> 32);
    ASSERT_GT(fence, 0);
    args.flags |= I915_EXEC_FENCE_IN;
    args.rsvd2 = static_cast<uint32_t>(fence);
    EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_EXECBUFFER2_WR, &args), 0);
    EXPECT_EQ(args.rsvd2 & UINT32_MAX, static_cast<uint32_t>(fence));
    EXPECT_EQ(wait(objects[0].handle), 0);
    ::close(static_cast<int>(args.rsvd2 >> 32));
    ::close(fence);
}

TEST_F(Execbuffers, BuffersAreBusyUntilTheirJobEnds) {
    set_injection(parse_injection("slow:ms=300").value());
    const uint32_t written = create(), batch = create_batch();
    ASSERT_EQ(submit({object(written, kHigh, kPinned | EXEC_OBJECT_WRITE),
                      object(batch, kHigh + 0x10000)}),
              0);
    drm_i915_gem_busy busy{written, 0};
    EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_BUSY, &busy), 0);
    EXPECT_EQ(busy.busy, 0x10001u) << "read and written by the render engine";
    busy = {batch, 0};
    EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_BUSY, &busy), 0);
    EXPECT_EQ(busy.busy, 0x10000u);
    EXPECT_EQ(wait(written, 0), -ETIME);
    EXPECT_EQ(wait(written), 0);
    EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_BUSY, &busy), 0);
    EXPECT_EQ(busy.busy, 0u);
}

TEST_F(Execbuffers, AHangBansAContextThatCannotRecover) {
    const uint32_t batch = create_batch(), context = create_context(false);
    set_injection(parse_injection("fault").value());
    ASSERT_EQ(submit({object(batch, kHigh)}, context), 0);
    EXPECT_EQ(wait(batch), 0);
    set_injection({});
    EXPECT_EQ(submit({object(batch, kHigh)}, context), -EIO);
    EXPECT_EQ(reset_stats(context).batch_active, 1u);
    EXPECT_EQ(submit({object(batch, kHigh)}), 0) << "another context";
    EXPECT_EQ(reset_stats(0).batch_active, 0u);
}

TEST_F(Execbuffers, AContextThatRecoversIsBannedForItsThirdHang) {
    const uint32_t batch = create_batch(), context = create_context(true);
    set_injection(parse_injection("fault").value());
    // Two time stamps are kept: the hang before the last one decides.
    for (uint32_t hang = 1; hang <= 3; ++hang) {
        ASSERT_EQ(submit({object(batch, kHigh)}, context), 0) << hang;
        EXPECT_EQ(wait(batch), 0);
        EXPECT_EQ(reset_stats(context).batch_active, hang);
    }
    EXPECT_EQ(submit({object(batch, kHigh)}, context), -EIO);
}

TEST_F(Execbuffers, AFileThatHangsAgainAndAgainGetsNoContexts) {
    set_injection(parse_injection("fault").value());
    const uint32_t batch = create_batch();
    for (int hang = 0; hang < 3; ++hang) {
        const uint32_t context = create_context(false);
        ASSERT_EQ(submit({object(batch, kHigh)}, context), 0);
        EXPECT_EQ(wait(batch), 0);
    }
    drm_i915_gem_context_create args{};
    EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_CONTEXT_CREATE, &args), -EIO);
}

TEST_F(Execbuffers, FdinfoNamesTheEnginesThatWereBusy) {
    set_injection(parse_injection("slow:ms=20").value());
    const uint32_t batch = create_batch();
    ASSERT_EQ(submit({object(batch, kHigh)}), 0);
    EXPECT_EQ(wait(batch), 0);
    EXPECT_NE(file_->fdinfo().find("drm-driver:\ti915\n"), std::string::npos);
    EXPECT_NE(file_->fdinfo().find("drm-engine-render:\t"), std::string::npos) << file_->fdinfo();
    EXPECT_NE(file_->fdinfo().find("drm-total-system0:\t4 KiB\n"), std::string::npos);
    EXPECT_NE(file_->fdinfo().find("drm-engine-capacity-video:\t2\n"), std::string::npos);
}

}  // namespace
}  // namespace simgpu::intel::i915
