#include <cerrno>

#include "tests/unit/simgpu/intel/kernel/i915/fixture.h"

namespace simgpu::intel::i915 {
namespace {

class Queries : public I915Test {
  protected:
    int get_param(int32_t param, int* value) {
        drm_i915_getparam_t args{};
        args.param = param;
        args.value = value;
        return ioctl(DRM_IOCTL_I915_GETPARAM, &args);
    }
    /// The item's length afterwards, or the ioctl's errno.
    int query(uint64_t id, std::vector<std::byte>& data, uint32_t flags = 0) {
        drm_i915_query_item item{};
        item.query_id = id;
        item.length = static_cast<int32_t>(data.size());
        item.flags = flags;
        item.data_ptr = reinterpret_cast<uintptr_t>(data.data());
        drm_i915_query args{};
        args.num_items = 1;
        args.items_ptr = reinterpret_cast<uintptr_t>(&item);
        const int error = ioctl(DRM_IOCTL_I915_QUERY, &args);
        return error != 0 ? error : item.length;
    }
    int length_of(uint64_t id) {
        std::vector<std::byte> nothing;
        return query(id, nothing);
    }
};

TEST_F(Queries, ParametersAreThoseOfATigerLake) {
    struct Case {
        int32_t param;
        int result;
        int value;
    };
    for (const Case& one :
         {Case{I915_PARAM_CHIPSET_ID, 0, 0x9a49}, Case{I915_PARAM_HAS_EXEC_TIMELINE_FENCES, 0, 1},
          Case{I915_PARAM_HAS_LLC, 0, 1}, Case{I915_PARAM_HAS_BSD, 0, 0},
          Case{I915_PARAM_HAS_BLT, 0, 1}, Case{I915_PARAM_EU_TOTAL, 0, 96},
          Case{I915_PARAM_LAST_DISPATCH, -ENODEV, 7}, Case{kParamPxpStatus, -ENODEV, 7},
          Case{9999, -EINVAL, 7}}) {
        int value = 7;
        EXPECT_EQ(get_param(one.param, &value), one.result) << one.param;
        EXPECT_EQ(value, one.value) << one.param;
    }
    EXPECT_EQ(get_param(I915_PARAM_REVISION, nullptr), -EFAULT);
}

TEST_F(Queries, AnItemSaysHowLongItsAnswerIs) {
    EXPECT_EQ(length_of(DRM_I915_QUERY_TOPOLOGY_INFO), 30);
    EXPECT_EQ(length_of(DRM_I915_QUERY_ENGINE_INFO), 128);
    EXPECT_EQ(length_of(DRM_I915_QUERY_MEMORY_REGIONS), 104);
    EXPECT_EQ(length_of(DRM_I915_QUERY_PERF_CONFIG), -ENODEV);
    EXPECT_EQ(length_of(DRM_I915_QUERY_HWCONFIG_BLOB), -ENODEV);
    EXPECT_EQ(length_of(99), -EINVAL);
    std::vector<std::byte> nothing;
    EXPECT_EQ(query(0, nothing), -EINVAL);
}

TEST_F(Queries, TheHeadMustBeZeroAndTheRoomEnough) {
    std::vector<std::byte> data(128);
    EXPECT_EQ(query(DRM_I915_QUERY_ENGINE_INFO, data), 128);
    drm_i915_query_engine_info head{};
    std::memcpy(&head, data.data(), sizeof(head));
    EXPECT_EQ(head.num_engines, 2u);
    EXPECT_EQ(query(DRM_I915_QUERY_ENGINE_INFO, data), -EINVAL) << "num_engines is set";
    data.assign(127, std::byte{0});
    EXPECT_EQ(query(DRM_I915_QUERY_ENGINE_INFO, data), -EINVAL);
    data.assign(128, std::byte{0});
    EXPECT_EQ(query(DRM_I915_QUERY_ENGINE_INFO, data, 1), -EINVAL);
}

TEST_F(Queries, TheTimestampIsTheOneRegisterToRead) {
    struct Case {
        uint64_t offset;
        int result;
    };
    for (const Case& one : {Case{0x2358, 0}, Case{0x2358 | I915_REG_READ_8B_WA, 0},
                            Case{0x2358 | 2, -EINVAL}, Case{0x2360, -EINVAL}}) {
        drm_i915_reg_read args{};
        args.offset = one.offset;
        EXPECT_EQ(ioctl(DRM_IOCTL_I915_REG_READ, &args), one.result) << one.offset;
        EXPECT_EQ(args.val != 0, one.result == 0);
    }
}

}  // namespace
}  // namespace simgpu::intel::i915
