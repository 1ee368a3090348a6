// Where xe's answers and checks depend on the chip: memory regions, PAT, configuration.
#include <cerrno>
#include <cstring>

#include "tests/unit/simgpu/intel/kernel/xe/xe_file.h"

namespace simgpu::test {
namespace {

/// One of a chip's names, as VIADUCT_SIMGPU has them.
XeFile open_chip(const std::string& model) {
    return XeFile(XeFile::default_instance(), model);
}

std::vector<std::byte> ask(XeFile& file, uint32_t id) {
    u::DeviceQuery query{};
    query.query = id;
    EXPECT_EQ(file.ioctl(u::kDeviceQuery, &query), 0) << id;
    std::vector<std::byte> data(query.size);
    query.data = xe_address(data.data());
    EXPECT_EQ(file.ioctl(u::kDeviceQuery, &query), 0) << id;
    return data;
}

template <typename T>
T read_at(const std::vector<std::byte>& data, size_t at) {
    T value{};
    if (at + sizeof(T) <= data.size()) std::memcpy(&value, data.data() + at, sizeof(T));
    return value;
}

TEST(XeChips, OnlyACardHasMemoryOfItsOwn) {
    for (const std::string model : {"tgl-xe", "mtl-xe", "lnl"}) {
        XeFile file = open_chip(model);
        const auto regions = ask(file, u::kQueryMemRegions);
        EXPECT_EQ(read_at<uint32_t>(regions, 0), 1u) << model;
        const auto config = ask(file, u::kQueryConfig);
        EXPECT_FALSE(read_at<uint64_t>(config, 8 + 8) & u::kConfigHasVram) << model;
    }
    XeFile file = open_chip("bmg");
    const auto regions = ask(file, u::kQueryMemRegions);
    ASSERT_EQ(read_at<uint32_t>(regions, 0), 2u);
    const auto vram = read_at<u::MemRegion>(regions, 8 + sizeof(u::MemRegion));
    EXPECT_EQ(vram.mem_class, u::kMemClassVram);
    EXPECT_EQ(vram.instance, 1);
    EXPECT_EQ(vram.total_size, 12ull << 30);
    EXPECT_EQ(vram.cpu_visible_size, vram.total_size) << "a resized BAR";
    EXPECT_TRUE(read_at<uint64_t>(ask(file, u::kQueryConfig), 8 + 8) & u::kConfigHasVram);
    const auto gt = read_at<u::Gt>(ask(file, u::kQueryGtList), 8);
    EXPECT_EQ(gt.near_mem_regions, 2u);
    EXPECT_EQ(gt.far_mem_regions, 1u);
    EXPECT_EQ(gt.ip_ver_major, 20);
}

TEST(XeChips, BuffersInVramAreNotCachedByTheCpu) {
    XeFile file = open_chip("bmg");
    struct Row {
        uint32_t placement;
        uint16_t caching;
        uint32_t flags;
        int error;
    };
    for (const Row& row :
         {Row{2, u::kCachingWriteCombined, 0, 0},
          Row{3, u::kCachingWriteCombined, u::kGemNeedsVisibleVram, 0},
          Row{2, u::kCachingWriteBack, 0, -EINVAL}, Row{1, u::kCachingWriteBack, 0, 0},
          Row{1, u::kCachingWriteBack, u::kGemNeedsVisibleVram, -EINVAL},
          Row{4, u::kCachingWriteCombined, 0, -EINVAL}}) {
        u::GemCreate args = file.gem_args();
        args.placement = row.placement;
        args.cpu_caching = row.caching;
        args.flags = row.flags;
        EXPECT_EQ(file.ioctl(u::kGemCreate, &args), row.error)
            << row.placement << ' ' << row.caching;
    }
    const auto regions = ask(file, u::kQueryMemRegions);
    EXPECT_EQ(read_at<u::MemRegion>(regions, 8 + sizeof(u::MemRegion)).used, 2u * 4096);
    EXPECT_NE(file.file().fdinfo().find("drm-resident-vram0:\t8 KiB"), std::string::npos)
        << file.file().fdinfo();
}

TEST(XeChips, PatIndicesAreThoseOfTheGeneration) {
    struct Row {
        const char* model;
        uint16_t index;
        int cached;    // of a buffer that the CPU caches
        int combined;  // and of one that it does not
    };
    const Row rows[] = {
        {"tgl-xe", 0, 0, 0},           {"tgl-xe", 3, -EINVAL, 0}, {"tgl-xe", 4, -EINVAL, -EINVAL},
        {"mtl-xe", 0, -EINVAL, 0},     {"mtl-xe", 3, 0, 0},       {"mtl-xe", 5, -EINVAL, -EINVAL},
        {"lnl", 0, -EINVAL, 0},        {"lnl", 1, 0, 0},          {"lnl", 9, -EINVAL, 0},
        {"lnl", 16, -EINVAL, -EINVAL}, {"lnl", 31, 0, 0},         {"lnl", 32, -EINVAL, -EINVAL},
    };
    for (const Row& row : rows) {
        XeFile file = open_chip(row.model);
        const uint32_t vm = file.vm();
        for (const uint16_t caching : {u::kCachingWriteBack, u::kCachingWriteCombined}) {
            u::GemCreate args = file.gem_args();
            args.cpu_caching = caching;
            ASSERT_EQ(file.ioctl(u::kGemCreate, &args), 0);
            u::BindOp op = XeFile::map(args.handle, 0x100000);
            op.pat_index = row.index;
            EXPECT_EQ(file.bind(vm, {op}),
                      caching == u::kCachingWriteBack ? row.cached : row.combined)
                << row.model << ' ' << row.index << ' ' << caching;
        }
    }
}

TEST(XeChips, ComputeEnginesFromMeteorLakeOn) {
    for (const std::string model : {"mtl-xe", "lnl", "bmg"}) {
        XeFile file = open_chip(model);
        EXPECT_EQ(read_at<uint32_t>(ask(file, u::kQueryEngines), 0), 3u) << model;
        uint32_t queue = 0;
        EXPECT_EQ(file.create_queue(file.vm(), u::kClassCompute, &queue), 0) << model;
        EXPECT_FALSE(ask(file, u::kQueryHwconfig).empty()) << model;
    }
    XeFile file;
    uint32_t queue = 0;
    EXPECT_EQ(file.create_queue(file.vm(), u::kClassCompute, &queue), -EINVAL);
}

}  // namespace
}  // namespace simgpu::test
