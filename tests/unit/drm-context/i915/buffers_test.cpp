#include "tests/unit/drm-context/i915/fixture.h"

namespace viaduct::i915 {
namespace {

class Buffers : public I915ContextTest {
  protected:
    using Bytes = std::vector<std::byte>;

    Status create_ext(uint32_t blob_id, const Bytes& extensions, uint32_t ext_size,
                      uint32_t flags = 0) {
        w::GemCreateExtRequest request{};
        request.size = 4096;
        request.blob_id = blob_id;
        request.ext_size = ext_size;
        request.gem_flags = flags;
        return run(make(w::Command::kGemCreateExt, request, extensions));
    }
    static Bytes regions(uint32_t count, uint16_t memory_class = I915_MEMORY_CLASS_SYSTEM) {
        drm_i915_gem_create_ext_memory_regions extension{};
        extension.base.next_extension = 0xdeadbeef;  // guests' pointers mean nothing
        extension.num_regions = count;
        extension.regions = 0xdeadbeef;
        Bytes bytes;
        append(bytes, &extension, sizeof(extension));
        for (uint32_t i = 0; i < count; ++i) {
            const drm_i915_gem_memory_class_instance region{memory_class, 0};
            append(bytes, &region, sizeof(region));
        }
        return bytes;
    }
};

TEST_F(Buffers, SizesAndIdsAreChecked) {
    EXPECT_FALSE(gem_create(1, 0));
    EXPECT_FALSE(gem_create(1, UINT64_MAX)) << "rounding up would wrap";
    EXPECT_FALSE(gem_create(1, 1ull << 62));
    EXPECT_FALSE(gem_create(0));
    EXPECT_TRUE(gem_create(1));
    EXPECT_FALSE(gem_create(1)) << "waits already";
    EXPECT_FALSE(context_->create_blob({ResourceId(5), kBlobMappable, 1, 8192}))
        << "larger than the object";
    EXPECT_FALSE(context_->create_blob({ResourceId(5), kBlobMappable, 1, 4096}))
        << "it was released then";
    EXPECT_TRUE(gem_create(2));
    const auto blob =
        context_->create_blob({ResourceId(5), kBlobMappable | kBlobShareable, 2, 4096});
    ASSERT_TRUE(blob);
    EXPECT_EQ(blob->cache, MapCache::kCached);
    EXPECT_TRUE(blob->fd);
}

TEST_F(Buffers, ExtensionsAreRebuilt) {
    const Bytes right = regions(1);
    EXPECT_TRUE(create_ext(1, right, static_cast<uint32_t>(right.size())));
    EXPECT_TRUE(create_ext(2, {}, 0));
}

TEST_F(Buffers, BrokenExtensionsAreRefused) {
    struct Case {
        const char* what;
        Bytes bytes;
        uint32_t size;
    };
    const auto with = [](Bytes bytes, auto change) {
        drm_i915_gem_create_ext_memory_regions extension{};
        std::memcpy(&extension, bytes.data(), sizeof(extension));
        change(extension);
        std::memcpy(bytes.data(), &extension, sizeof(extension));
        return bytes;
    };
    const Bytes one = regions(1);
    const auto size = static_cast<uint32_t>(one.size());
    Bytes two = one;
    append(two, one.data(), one.size());
    Bytes cut_pat;
    i915_user_extension pat{};
    pat.name = kCreateExtSetPat;
    append(cut_pat, &pat, sizeof(pat));
    const Case cases[] = {
        {"a size that is larger than what came", one, size + 4},
        {"smaller", one, size - 4},
        {"a size that wraps", one, UINT32_MAX - 3},
        {"a part of a base", Bytes(12), 12},
        {"the base of an entry without its rest", Bytes(32), 32},
        {"SET_PAT without its rest", cut_pat, 32},
        {"an unknown name", with(one, [](auto& e) { e.base.name = 3; }), size},
        {"more regions than came", with(one, [](auto& e) { e.num_regions = 2; }), size},
        {"a count that wraps", with(one, [](auto& e) { e.num_regions = 0x40000001; }), size},
        {"no region (the kernel's answer)", with(regions(0), [](auto&) {}),
         static_cast<uint32_t>(regions(0).size())},
        {"twice (the kernel's answer)", two, 2 * size},
    };
    for (const Case& each : cases) EXPECT_FALSE(create_ext(1, each.bytes, each.size)) << each.what;
    EXPECT_FALSE(create_ext(1, one, size, 0xff)) << "flags (the kernel's answer)";
    EXPECT_TRUE(create_ext(1, one, size)) << "nothing has been left under the id";
}

TEST_F(Buffers, MappingModesChangeNothing) {
    create_batch(1);
    struct Case {
        uint32_t res_id, flags;
        bool accepted;
    };
    for (const Case& one : {Case{1, 0, true}, Case{1, 4, true}, Case{99, 1, true},
                            Case{1, 5, false}, Case{1, UINT32_MAX, false}}) {
        w::GemSetMmapModeRequest request{};
        request.res_id = one.res_id;
        request.flags = one.flags;
        EXPECT_EQ(run(make(w::Command::kGemSetMmapMode, request)).has_value(), one.accepted)
            << one.flags;
    }
}

TEST_F(Buffers, BusyIsAskedByResource) {
    create_batch(7);
    w::GemBusyRequest request{};
    request.res_id = 7;
    EXPECT_EQ(ask<w::GemBusyResponse>(w::Command::kGemBusy, request).ret, 0);
    request.res_id = 1;
    EXPECT_EQ(ask<w::GemBusyResponse>(w::Command::kGemBusy, request).ret, EINVAL);
}

}  // namespace
}  // namespace viaduct::i915
