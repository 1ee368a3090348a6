#include "guest-mesa/layer/i915/submission.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace viaduct::guest::i915 {
namespace {

/// A node that has none of the buffers that are asked for.
class EmptyNode final : public Kernel {
  public:
    int ioctl(int, unsigned long, void*) override { return -ENOENT; }
    Result<Mapping> map(int, uint64_t, size_t) override { return fail(EINVAL, "no memory here"); }
    int wait_readable(int, std::chrono::milliseconds) override { return 1; }
};

class Submissions : public ::testing::Test {
  protected:
    Submissions() {
        gems_.insert(
            GemHandle(5),
            {.resource = ResourceId(105), .size = 4096, .shared = false, .always_valid = false});
        gems_.insert(
            GemHandle(6),
            {.resource = ResourceId(106), .size = 4096, .shared = true, .always_valid = false});
        for (uint32_t handle : {6u, 5u, 6u}) {
            drm_i915_gem_exec_object2 object{};
            object.handle = handle;
            object.offset = 0x1000 * handle;
            objects_.push_back(object);
        }
    }
    drm_i915_gem_execbuffer2 args() {
        drm_i915_gem_execbuffer2 args{};
        args.buffers_ptr = reinterpret_cast<uintptr_t>(objects_.data());
        args.buffer_count = static_cast<uint32_t>(objects_.size());
        args.flags = 2 | I915_EXEC_NO_RELOC;
        args.rsvd1 = 3;
        return args;
    }
    int parse(const drm_i915_gem_execbuffer2& args) {
        submission_ = Submission();
        return submission_.parse({node_, -1}, gems_, args);
    }
    /// The request as the host would read it.
    wire::GemExecbuffer2Request head() {
        const auto bytes = submission_.request();
        wire::GemExecbuffer2Request head{};
        std::memcpy(&head, bytes.data(), sizeof(head));
        EXPECT_EQ(head.hdr.len, bytes.size());
        return head;
    }
    template <typename T>
    T payload(size_t offset) {
        const auto bytes = submission_.request();
        T value{};
        std::memcpy(&value, bytes.data() + sizeof(wire::GemExecbuffer2Request) + offset,
                    sizeof(value));
        return value;
    }

    EmptyNode node_;
    GemTable gems_;
    std::vector<drm_i915_gem_exec_object2> objects_;
    Submission submission_;
};

TEST_F(Submissions, NameResourcesAndKeepTheOrder) {
    ASSERT_EQ(parse(args()), 0);
    EXPECT_EQ(submission_.ring(), RingIndex(3));
    EXPECT_EQ(submission_.context(), 3u);
    EXPECT_EQ(head().buffer_count, 3u);
    EXPECT_EQ(payload<drm_i915_gem_exec_object2>(0).handle, 106u);
    EXPECT_EQ(payload<drm_i915_gem_exec_object2>(sizeof(objects_[0])).handle, 105u);
    EXPECT_EQ(submission_.shared_handles(), std::vector{GemHandle(6)}) << "each once";
    objects_[1].handle = 7;
    EXPECT_EQ(parse(args()), -ENOENT);
}

TEST_F(Submissions, KeepFencesForTheNode) {
    const drm_i915_gem_exec_fence fences[] = {{11, I915_EXEC_FENCE_WAIT},
                                              {12, I915_EXEC_FENCE_SIGNAL},
                                              {13, I915_EXEC_FENCE_WAIT | I915_EXEC_FENCE_SIGNAL}};
    auto with_fences = args();
    with_fences.flags |= I915_EXEC_FENCE_ARRAY | I915_EXEC_FENCE_OUT | I915_EXEC_FENCE_IN;
    with_fences.rsvd2 = 42;
    with_fences.num_cliprects = 3;
    with_fences.cliprects_ptr = reinterpret_cast<uintptr_t>(fences);
    ASSERT_EQ(parse(with_fences), 0);
    EXPECT_EQ(head().flags, args().flags) << "hosts refuse fences of a guest";
    ASSERT_EQ(submission_.in().size(), 2u);
    EXPECT_EQ(submission_.in()[1].handle, 13u);
    ASSERT_EQ(submission_.out().size(), 2u);
    EXPECT_EQ(submission_.out()[0].handle, 12u);
    EXPECT_EQ(submission_.in_fence(), 42);
    EXPECT_TRUE(submission_.wants_out_fence());
}

TEST_F(Submissions, KnowPointsOfTimelines) {
    drm_i915_gem_exec_fence fence{11, I915_EXEC_FENCE_SIGNAL};
    const uint64_t point = 9;
    drm_i915_gem_execbuffer_ext_timeline_fences extension{};
    extension.fence_count = 1;
    extension.handles_ptr = reinterpret_cast<uintptr_t>(&fence);
    extension.values_ptr = reinterpret_cast<uintptr_t>(&point);
    auto with_points = args();
    with_points.flags |= I915_EXEC_USE_EXTENSIONS;
    with_points.cliprects_ptr = reinterpret_cast<uintptr_t>(&extension);
    ASSERT_EQ(parse(with_points), 0);
    ASSERT_EQ(submission_.out().size(), 1u);
    EXPECT_EQ(submission_.out()[0].point, 9u);
    fence.flags |= I915_EXEC_FENCE_WAIT;
    EXPECT_EQ(parse(with_points), -EINVAL) << "a point that waits for itself";
    fence.flags = 8;
    EXPECT_EQ(parse(with_points), -EINVAL);
    extension.base.next_extension = with_points.cliprects_ptr;
    fence.flags = I915_EXEC_FENCE_SIGNAL;
    EXPECT_EQ(parse(with_points), -E2BIG) << "a chain without end";
}

TEST_F(Submissions, RelocationsNameBuffersByIndex) {
    drm_i915_gem_relocation_entry entry{};
    entry.target_handle = 5;
    objects_[2].relocation_count = 1;
    objects_[2].relocs_ptr = reinterpret_cast<uintptr_t>(&entry);
    auto with_relocations = args();
    with_relocations.flags = 0;
    ASSERT_EQ(parse(with_relocations), 0);
    EXPECT_EQ(head().relocs_count, 1u);
    EXPECT_TRUE(head().flags & I915_EXEC_HANDLE_LUT);
    EXPECT_EQ(payload<drm_i915_gem_relocation_entry>(3 * sizeof(objects_[0])).target_handle, 1u);
    EXPECT_EQ(payload<drm_i915_gem_exec_object2>(2 * sizeof(objects_[0])).relocs_ptr, 0u);
    entry.target_handle = 99;
    EXPECT_EQ(parse(with_relocations), -ENOENT);
}

TEST_F(Submissions, ArgumentsAreCheckedAsTheKernelDoes) {
    struct Case {
        const char* what;
        int result;
        void (*change)(drm_i915_gem_execbuffer2&);
    };
    for (const Case& one : {
             Case{"no buffers", -EINVAL, [](auto& a) { a.buffer_count = 0; }},
             Case{"no pointer", -EFAULT, [](auto& a) { a.buffers_ptr = 0; }},
             Case{"an unknown flag", -EINVAL, [](auto& a) { a.flags |= 1ull << 40; }},
             Case{"secure", -EPERM, [](auto& a) { a.flags |= I915_EXEC_SECURE; }},
             Case{"cliprects", -EINVAL, [](auto& a) { a.num_cliprects = 1; }},
             Case{"a submit fence", -EINVAL, [](auto& a) { a.flags |= I915_EXEC_FENCE_SUBMIT; }},
             Case{"an odd length", -EINVAL, [](auto& a) { a.batch_len = 4; }},
             Case{"both arrays", -EINVAL,
                  [](auto& a) { a.flags |= I915_EXEC_FENCE_ARRAY | I915_EXEC_USE_EXTENSIONS; }},
         }) {
        auto changed = args();
        one.change(changed);
        EXPECT_EQ(parse(changed), one.result) << one.what;
    }
}

}  // namespace
}  // namespace viaduct::guest::i915
