#include <cerrno>

#include "tests/unit/simgpu/intel/kernel/i915/fixture.h"

namespace simgpu::intel::i915 {
namespace {

class Queries : public I915Test {
  protected:
    using I915Test::I915Test;

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

/// A chip that GuC submits to, whose memory has no aperture.
class MeteorLakeQueries : public Queries {
  protected:
    MeteorLakeQueries() : Queries("mtl") {}
};

TEST_F(Queries, ParametersAreThoseOfATigerLake) {
    struct Case {
        int32_t param;
        int result;
        int value;
    };
    for (const Case& one :
         {Case{I915_PARAM_CHIPSET_ID, 0, 0x9a49}, Case{I915_PARAM_HAS_EXEC_TIMELINE_FENCES, 0, 1},
          Case{I915_PARAM_HAS_LLC, 0, 1}, Case{I915_PARAM_HAS_BSD, 0, 1},
          Case{I915_PARAM_HAS_BLT, 0, 1}, Case{I915_PARAM_EU_TOTAL, 0, 96},
          Case{I915_PARAM_LAST_DISPATCH, -ENODEV, 7}, Case{kParamPxpStatus, -ENODEV, 7},
          Case{I915_PARAM_HUC_STATUS, -EOPNOTSUPP, 7}, Case{9999, -EINVAL, 7}}) {
        int value = 7;
        EXPECT_EQ(get_param(one.param, &value), one.result) << one.param;
        EXPECT_EQ(value, one.value) << one.param;
    }
    EXPECT_EQ(get_param(I915_PARAM_REVISION, nullptr), -EFAULT);
}

TEST_F(Queries, AnItemSaysHowLongItsAnswerIs) {
    EXPECT_EQ(length_of(DRM_I915_QUERY_TOPOLOGY_INFO), 30);
    EXPECT_EQ(length_of(DRM_I915_QUERY_ENGINE_INFO), 296);
    EXPECT_EQ(length_of(DRM_I915_QUERY_MEMORY_REGIONS), 104);
    EXPECT_EQ(length_of(DRM_I915_QUERY_PERF_CONFIG), -ENODEV);
    EXPECT_EQ(length_of(DRM_I915_QUERY_HWCONFIG_BLOB), -ENODEV);
    EXPECT_EQ(length_of(99), -EINVAL);
    std::vector<std::byte> nothing;
    EXPECT_EQ(query(0, nothing), -EINVAL);
}

TEST_F(Queries, TheHeadMustBeZeroAndTheRoomEnough) {
    std::vector<std::byte> data(296);
    EXPECT_EQ(query(DRM_I915_QUERY_ENGINE_INFO, data), 296);
    drm_i915_query_engine_info head{};
    std::memcpy(&head, data.data(), sizeof(head));
    EXPECT_EQ(head.num_engines, 5u);
    EXPECT_EQ(query(DRM_I915_QUERY_ENGINE_INFO, data), -EINVAL) << "num_engines is set";
    data.assign(295, std::byte{0});
    EXPECT_EQ(query(DRM_I915_QUERY_ENGINE_INFO, data), -EINVAL);
    data.assign(296, std::byte{0});
    EXPECT_EQ(query(DRM_I915_QUERY_ENGINE_INFO, data, 1), -EINVAL);
}

TEST_F(Queries, VideoEnginesHaveTheirCapabilities) {
    constexpr uint64_t kHevc = I915_VIDEO_CLASS_CAPABILITY_HEVC;
    constexpr uint64_t kScaler = I915_VIDEO_AND_ENHANCE_CLASS_CAPABILITY_SFC;
    struct Engine {
        uint16_t engine_class;
        uint16_t instance;
        uint64_t capabilities;
    };
    std::vector<std::byte> data(296);
    ASSERT_EQ(query(DRM_I915_QUERY_ENGINE_INFO, data), 296);
    size_t at = sizeof(drm_i915_query_engine_info);
    for (const Engine& engine :
         {Engine{I915_ENGINE_CLASS_RENDER, 0, 0}, Engine{I915_ENGINE_CLASS_COPY, 0, 0},
          Engine{I915_ENGINE_CLASS_VIDEO, 0, kHevc | kScaler},
          Engine{I915_ENGINE_CLASS_VIDEO, 1, kHevc | kScaler},
          Engine{I915_ENGINE_CLASS_VIDEO_ENHANCE, 0, kScaler}}) {
        drm_i915_engine_info info{};
        std::memcpy(&info, data.data() + at, sizeof(info));
        EXPECT_EQ(info.engine.engine_class, engine.engine_class);
        EXPECT_EQ(info.engine.engine_instance, engine.instance);
        EXPECT_EQ(info.capabilities, engine.capabilities) << engine.engine_class;
        at += sizeof(info);
    }
}

TEST_F(MeteorLakeQueries, ParametersDifferFromTigerLake) {
    struct Case {
        int32_t param;
        int value;
    };
    for (const Case& one :
         {Case{I915_PARAM_CHIPSET_ID, 0x7d45}, Case{I915_PARAM_HAS_LLC, 0},
          Case{I915_PARAM_NUM_FENCES_AVAIL, 0}, Case{I915_PARAM_EU_TOTAL, 64},
          Case{I915_PARAM_HAS_SEMAPHORES, 0}, Case{I915_PARAM_HAS_CONTEXT_ISOLATION, 0x13}}) {
        int value = -1;
        EXPECT_EQ(get_param(one.param, &value), 0) << one.param;
        EXPECT_EQ(value, one.value) << one.param;
    }
}

TEST_F(MeteorLakeQueries, TopologyHasABitForEachFuse) {
    for (const uint64_t id : {DRM_I915_QUERY_TOPOLOGY_INFO, DRM_I915_QUERY_GEOMETRY_SUBSLICES}) {
        std::vector<std::byte> data(static_cast<size_t>(length_of(id)));
        ASSERT_EQ(data.size(), sizeof(drm_i915_query_topology_info) + 1 + 4 + 32 * 2);
        ASSERT_EQ(query(id, data), static_cast<int>(data.size()));
        drm_i915_query_topology_info info{};
        std::memcpy(&info, data.data(), sizeof(info));
        EXPECT_EQ(info.max_slices, 1);
        EXPECT_EQ(info.max_subslices, 32);
        EXPECT_EQ(info.max_eus_per_subslice, 16);
        const std::byte* masks = data.data() + sizeof(info);
        EXPECT_EQ(masks[info.subslice_offset], std::byte{0x0f});
        EXPECT_EQ(masks[info.subslice_offset + 1], std::byte{0});
        EXPECT_EQ(masks[info.eu_offset + 3 * info.eu_stride], std::byte{0xff});
        EXPECT_EQ(masks[info.eu_offset + 4 * info.eu_stride], std::byte{0});
    }
}

TEST_F(MeteorLakeQueries, GeometryIsARenderEnginesOwn) {
    std::vector<std::byte> data(static_cast<size_t>(length_of(DRM_I915_QUERY_GEOMETRY_SUBSLICES)));
    EXPECT_EQ(query(DRM_I915_QUERY_GEOMETRY_SUBSLICES, data, I915_ENGINE_CLASS_COPY), -EINVAL);
    EXPECT_EQ(query(DRM_I915_QUERY_GEOMETRY_SUBSLICES, data, 1u << 16), -EINVAL) << "instance 1";
}

TEST_F(MeteorLakeQueries, HardwareConfigurationIsTriplesOfKeyLengthAndValue) {
    const int length = length_of(DRM_I915_QUERY_HWCONFIG_BLOB);
    ASSERT_GT(length, 0);
    std::vector<std::byte> data(static_cast<size_t>(length));
    ASSERT_EQ(query(DRM_I915_QUERY_HWCONFIG_BLOB, data), length);
    std::vector<uint32_t> words(data.size() / 4);
    std::memcpy(words.data(), data.data(), data.size());
    constexpr uint32_t kThreadsPerEu = 15;
    uint32_t threads = 0;
    size_t at = 0;
    for (; at + 2 < words.size(); at += 2 + words[at + 1])
        if (words[at] == kThreadsPerEu) threads = words[at + 2];
    EXPECT_EQ(at, words.size());
    EXPECT_EQ(threads, 8u);
}

TEST_F(MeteorLakeQueries, TheSubmissionsVersionIsAnsweredWithZero) {
    EXPECT_EQ(length_of(kQueryGucSubmissionVersion), 16);
    std::vector<std::byte> data(sizeof(GucSubmissionVersion));
    EXPECT_EQ(query(kQueryGucSubmissionVersion, data), 0);
    GucSubmissionVersion version{};
    std::memcpy(&version, data.data(), sizeof(version));
    EXPECT_EQ(version.major, 1u);
    EXPECT_GE(version.minor, 1u);
    EXPECT_EQ(query(kQueryGucSubmissionVersion, data), -EINVAL) << "fields are set";
}

TEST_F(MeteorLakeQueries, ThereIsNoAperture) {
    const uint32_t handle = create();
    drm_i915_gem_set_tiling set{};
    set.handle = handle;
    EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_SET_TILING, &set), -EOPNOTSUPP);
    drm_i915_gem_get_tiling get{};
    get.handle = handle;
    EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_GET_TILING, &get), -EOPNOTSUPP);
    drm_i915_gem_mmap_offset map{};
    map.handle = handle;
    map.flags = I915_MMAP_OFFSET_GTT;
    EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_MMAP_OFFSET, &map), -ENODEV);
    map.flags = I915_MMAP_OFFSET_WC;
    EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_MMAP_OFFSET, &map), 0);
}

TEST_F(MeteorLakeQueries, BuffersChooseTheirPatIndex) {
    struct Case {
        uint32_t index;
        int result;
    };
    for (const Case& one : {Case{0, 0}, Case{3, 0}, Case{4, 0}, Case{5, -EINVAL}}) {
        CreateExtSetPat extension{};
        extension.base.name = kCreateExtSetPat;
        extension.pat_index = one.index;
        drm_i915_gem_create_ext args{};
        args.size = 4096;
        args.extensions = reinterpret_cast<uintptr_t>(&extension);
        EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_CREATE_EXT, &args), one.result) << one.index;
    }
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
