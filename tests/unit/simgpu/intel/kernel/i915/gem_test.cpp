#include <cerrno>

#include "simgpu/inject.h"
#include "tests/unit/simgpu/intel/kernel/i915/fixture.h"

namespace simgpu::intel::i915 {
namespace {

class Gem : public I915Test {};

TEST_F(Gem, SizesAreRoundedAndBounded) {
    struct Case {
        uint64_t size;
        int result;
        uint64_t rounded;
    };
    for (const Case& one :
         {Case{1, 0, 4096}, Case{4097, 0, 8192}, Case{0, -EINVAL, 0},
          Case{1ull << 62, -E2BIG, 1ull << 62}, Case{1ull << 40, -ENOMEM, 1ull << 40}}) {
        drm_i915_gem_create args{};
        args.size = one.size;
        EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_CREATE, &args), one.result) << one.size;
        EXPECT_EQ(args.size, one.rounded) << one.size;
    }
}

TEST_F(Gem, ExtensionsAreChecked) {
    using Region = drm_i915_gem_memory_class_instance;
    struct Case {
        const char* what;
        int result;
        void (*change)(drm_i915_gem_create_ext&, drm_i915_gem_create_ext_memory_regions&,
                       Region (&)[2]);
    };
    using Args = drm_i915_gem_create_ext;
    using Ext = drm_i915_gem_create_ext_memory_regions;
    const Case cases[] = {
        {"right", 0, [](Args&, Ext&, Region(&)[2]) {}},
        {"no extension", 0, [](Args& args, Ext&, Region(&)[2]) { args.extensions = 0; }},
        {"flags", -EINVAL, [](Args& args, Ext&, Region(&)[2]) { args.flags = 2; }},
        {"CPU access without a choice", -EINVAL,
         [](Args& args, Ext&, Region(&)[2]) {
             args.flags = I915_GEM_CREATE_EXT_FLAG_NEEDS_CPU_ACCESS;
         }},
        {"no region", -EINVAL, [](Args&, Ext& ext, Region(&)[2]) { ext.num_regions = 0; }},
        {"twice the same", -EINVAL, [](Args&, Ext& ext, Region(&)[2]) { ext.num_regions = 2; }},
        {"device memory", -EINVAL,
         [](Args&, Ext&, Region(&regions)[2]) {
             regions[0].memory_class = I915_MEMORY_CLASS_DEVICE;
         }},
        {"pad", -EINVAL, [](Args&, Ext& ext, Region(&)[2]) { ext.pad = 1; }},
        {"flags of the base", -EINVAL, [](Args&, Ext& ext, Region(&)[2]) { ext.base.flags = 1; }},
        {"unknown name", -EINVAL, [](Args&, Ext& ext, Region(&)[2]) { ext.base.name = 7; }},
        {"a PAT index", -ENODEV,
         [](Args&, Ext& ext, Region(&)[2]) { ext.base.name = kCreateExtSetPat; }},
        {"a chain without end", -EINVAL,
         [](Args& args, Ext& ext, Region(&)[2]) {
             ext.base.next_extension = args.extensions;  // regions are set twice
         }},
    };
    for (const Case& one : cases) {
        Region regions[2] = {};
        Ext extension{};
        extension.num_regions = 1;
        extension.regions = reinterpret_cast<uintptr_t>(regions);
        Args args{};
        args.size = 4096;
        args.extensions = reinterpret_cast<uintptr_t>(&extension);
        one.change(args, extension, regions);
        EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_CREATE_EXT, &args), one.result) << one.what;
    }
}

TEST_F(Gem, TilingsAreThoseOfFences) {
    const uint32_t handle = create(1 << 20);
    struct Case {
        uint32_t mode, stride;
        int result;
    };
    for (const Case& one : {Case{I915_TILING_X, 512, 0}, Case{I915_TILING_Y, 128, 0},
                            Case{I915_TILING_X, 128, -EINVAL}, Case{I915_TILING_X, 0, -EINVAL},
                            Case{I915_TILING_Y, 1 << 19, -EINVAL}, Case{3, 512, -EINVAL},
                            Case{I915_TILING_NONE, 77, 0}}) {
        drm_i915_gem_set_tiling set{handle, one.mode, one.stride, 9};
        EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_SET_TILING, &set), one.result)
            << one.mode << " " << one.stride;
        if (one.result != 0) continue;
        drm_i915_gem_get_tiling get{handle, 9, 9, 9};
        EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_GET_TILING, &get), 0);
        EXPECT_EQ(get.tiling_mode, one.mode);
        EXPECT_EQ(get.swizzle_mode, uint32_t{I915_BIT_6_SWIZZLE_NONE});
    }
}

TEST_F(Gem, DomainsOfTheGpuCannotBeSet) {
    const uint32_t handle = create();
    struct Case {
        uint32_t read, write;
        int result;
    };
    for (const Case& one :
         {Case{I915_GEM_DOMAIN_CPU, I915_GEM_DOMAIN_CPU, 0}, Case{I915_GEM_DOMAIN_WC, 0, 0},
          Case{I915_GEM_DOMAIN_RENDER, 0, -EINVAL},
          Case{I915_GEM_DOMAIN_CPU, I915_GEM_DOMAIN_GTT, -EINVAL}, Case{0, 0, 0}}) {
        drm_i915_gem_set_domain args{handle, one.read, one.write};
        EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_SET_DOMAIN, &args), one.result);
    }
    drm_i915_gem_set_domain args{handle + 1, I915_GEM_DOMAIN_CPU, 0};
    EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_SET_DOMAIN, &args), -ENOENT);
}

TEST_F(Gem, BuffersThatNobodyNeedsLoseTheirContentWhenMemoryIsShort) {
    const uint32_t handle = create_batch();
    drm_i915_gem_madvise advice{handle, I915_MADV_DONTNEED, 0};
    EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_MADVISE, &advice), 0);
    EXPECT_EQ(advice.retained, 1u);
    set_injection(parse_injection("oom").value());
    drm_i915_gem_create args{};
    args.size = 4096;
    EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_CREATE, &args), -ENOMEM);
    set_injection({});
    advice.madv = I915_MADV_WILLNEED;
    EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_MADVISE, &advice), 0);
    EXPECT_EQ(advice.retained, 0u);
    EXPECT_EQ(submit({object(handle, kHigh)}), -EFAULT);
}

TEST_F(Gem, MappingsHaveAKindThatTheChipKnows) {
    const uint32_t handle = create();
    for (uint64_t kind = 0; kind < 6; ++kind) {
        drm_i915_gem_mmap_offset args{};
        args.handle = handle;
        args.flags = kind;
        const int expected = kind < 4 ? 0 : kind == 4 ? -ENODEV : -EINVAL;
        EXPECT_EQ(ioctl(DRM_IOCTL_I915_GEM_MMAP_OFFSET, &args), expected) << kind;
        EXPECT_EQ(file_->map_source(args.offset).has_value(), expected == 0) << kind;
    }
}

}  // namespace
}  // namespace simgpu::intel::i915
