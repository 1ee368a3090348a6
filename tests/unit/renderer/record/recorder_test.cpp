// The Recorder behind the C functions, with a stand-in GPU: which calls leave which records.
#include "renderer/record/recorder.h"

#include <filesystem>
#include <string>
#include <vector>

#include "recording/reader.h"
#include "tests/unit/renderer/vmm_fixture.h"

namespace viaduct::test {

namespace {

namespace fs = std::filesystem;
using recording::Found;
using recording::RecordType;

class RecorderTest : public Vmm {
  protected:
    RecorderTest() {
        std::string name = ::testing::TempDir() + "recorder-XXXXXX";
        folder = ::mkdtemp(name.data());
        settings.path = folder + "/file";
    }
    ~RecorderTest() override { fs::remove_all(folder); }
    void start() {
        auto recorder = Recorder::create(settings);
        ASSERT_TRUE(recorder) << recorder.error().message;
        replace_instance(std::make_unique<Renderer>(gpu.factory(), std::make_unique<SoftwareOnly>(),
                                                    VmUsage::create(), UdmabufDevice::open,
                                                    *std::move(recorder)));
        ASSERT_EQ(init(), 0);
        ASSERT_EQ(native_context(1), 0);
    }
    /// As a guest's processor does.
    std::byte* map(uint32_t res) {
        void* address = nullptr;
        uint64_t size = 0;
        EXPECT_EQ(virgl_renderer_resource_map(res, &address, &size), 0);
        return static_cast<std::byte*>(address);
    }
    /// CS_SUBMIT, as far as its header.
    int submit(std::vector<uint32_t> words = {4, 16, 1, 0}) {
        return virgl_renderer_submit_cmd(words.data(), 1, static_cast<int>(words.size()));
    }
    std::vector<RecordType> types() {
        std::vector<RecordType> found;
        auto reader = recording::RecordingReader::open(settings.path);
        EXPECT_TRUE(reader);
        for (auto record = reader->next(); record && *record; record = reader->next())
            found.push_back((*record)->type);
        return found;
    }
    struct FoundMemory {
        uint64_t offset;
        Found found;
        std::string bytes;
        bool operator==(const FoundMemory&) const = default;
    };
    std::vector<FoundMemory> memory(uint32_t res) {
        std::vector<FoundMemory> found;
        auto reader = recording::RecordingReader::open(settings.path);
        for (auto record = reader->next(); record && *record; record = reader->next()) {
            if ((*record)->type != RecordType::kMemory) continue;
            const auto head = (*record)->as<recording::Memory>();
            const auto tail = (*record)->behind<recording::Memory>();
            if (head.res_id == res)
                found.push_back({head.offset,
                                 head.found,
                                 {reinterpret_cast<const char*>(tail.data()), tail.size()}});
        }
        return found;
    }

    std::string folder;
    RecordSettings settings;
};

TEST_F(RecorderTest, WritesCallsInTheirOrder) {
    gpu.retire_at_once = true;
    start();
    EXPECT_EQ(host_blob(5, 1, 7, 8192), 0);
    map(5);
    EXPECT_EQ(submit(), 0);
    EXPECT_EQ(virgl_renderer_context_create_fence(1, 0, 0, 40), 0);
    virgl_renderer_ctx_detach_resource(1, 5);
    virgl_renderer_resource_unref(5);
    virgl_renderer_context_destroy(1);
    virgl_renderer_cleanup(nullptr);
    EXPECT_EQ(types(), (std::vector{RecordType::kHost, RecordType::kContext, RecordType::kBlob,
                                    RecordType::kMap, RecordType::kSubmit, RecordType::kFence,
                                    RecordType::kRetired, RecordType::kDetach, RecordType::kUnref,
                                    RecordType::kContextEnd, RecordType::kEnd}));
}

TEST_F(RecorderTest, FindsWhatTheProcessorWroteBeforeASubmissionAndTheGpuAfterIt) {
    gpu.retire_at_once = true;
    start();
    ASSERT_EQ(host_blob(5, 1, 7, 8192), 0);
    std::byte* const guest = map(5);
    std::memcpy(guest + 64, "input", 5);
    EXPECT_EQ(submit(), 0);
    std::memcpy(guest + 4096, "result", 6);
    EXPECT_EQ(virgl_renderer_context_create_fence(1, 0, 1, 40), 0);
    EXPECT_EQ(memory(5), (std::vector<FoundMemory>{{64, Found::kBeforeSubmission, "input"},
                                                   {4096, Found::kAfterFence, "result"}}));
    // A fence of the control ring says nothing about the GPU.
    std::memcpy(guest, "more", 4);
    EXPECT_EQ(virgl_renderer_context_create_fence(1, 0, 0, 41), 0);
    EXPECT_EQ(memory(5).size(), 2u);
}

TEST_F(RecorderTest, FindsWhatTheGpuWroteBeforeTheBufferWasMapped) {
    start();
    ASSERT_EQ(host_blob(5, 1, 7, 8192, kMappable | kShareable), 0);
    uint32_t type = 0;
    int fd = -1;
    ASSERT_EQ(virgl_renderer_resource_export_blob(5, &type, &fd), 0);
    const UniqueFd exported(fd);  // the recorder looks at it from now on, but finds zeros
    EXPECT_EQ(memory(5).size(), 0u);
    ASSERT_EQ(host_blob(6, 1, 8, 4096, kShareable), 0);  // not mappable
    ASSERT_EQ(virgl_renderer_resource_export_blob(6, &type, &fd), 0);
    const UniqueFd other(fd);
    const auto all = types();
    EXPECT_EQ(std::ranges::count(all, RecordType::kMap), 1);
}

TEST_F(RecorderTest, LooksAtGuestMemoryThatAContextHasAttached) {
    start();
    alignas(4096) std::array<char, 8192> pages{};
    std::memcpy(pages.data(), "before", 6);
    iovec entry{pages.data(), pages.size()};
    virgl_renderer_resource_create_blob_args args{};
    args.res_handle = 9;
    args.blob_mem = VIRGL_RENDERER_BLOB_MEM_GUEST;
    args.size = pages.size();
    args.iovecs = &entry;
    args.num_iovs = 1;
    ASSERT_EQ(virgl_renderer_resource_create_blob(&args), 0);
    EXPECT_EQ(submit(), 0);
    EXPECT_EQ(memory(9).size(), 0u);
    virgl_renderer_ctx_attach_resource(1, 9);
    EXPECT_EQ(submit(), 0);
    EXPECT_EQ(memory(9), (std::vector<FoundMemory>{{0, Found::kBeforeSubmission, "before"}}));
    virgl_renderer_resource_detach_iov(9, nullptr, nullptr);
    std::memcpy(pages.data(), "behind", 6);
    EXPECT_EQ(submit(), 0);
    EXPECT_EQ(memory(9).size(), 1u);
}

TEST_F(RecorderTest, AWaitForAFenceEnds) {
    start();  // whose GPU retires nothing by itself
    EXPECT_EQ(submit(), 0);
    EXPECT_EQ(virgl_renderer_context_create_fence(1, 0, 1, 40), 0);  // returns after all
    gpu.retire();
    const auto all = types();
    EXPECT_EQ(all.back(), RecordType::kRetired);
}

TEST_F(RecorderTest, WithoutContentsNoBufferIsLookedAt) {
    settings.contents = false;
    gpu.retire_at_once = true;
    start();
    ASSERT_EQ(host_blob(5, 1, 7, 8192), 0);
    std::memcpy(map(5), "secret", 6);
    EXPECT_EQ(submit(), 0);
    EXPECT_EQ(virgl_renderer_context_create_fence(1, 0, 1, 40), 0);
    const auto all = types();
    EXPECT_EQ(std::ranges::count(all, RecordType::kMap), 0);
    EXPECT_EQ(std::ranges::count(all, RecordType::kMemory), 0);
    EXPECT_EQ(std::ranges::count(all, RecordType::kSubmit), 1);
}

TEST_F(RecorderTest, TellsOfRefusals) {
    start();
    EXPECT_NE(host_blob(5, 1, 999, 8192), 0);  // there is no such object
    const auto all = types();
    ASSERT_GE(all.size(), 2u);
    EXPECT_EQ(all[all.size() - 2], RecordType::kBlob);
    EXPECT_EQ(all.back(), RecordType::kRefused);
}

TEST_F(RecorderTest, AtItsLimitTheVmGoesOn) {
    settings.most_bytes = 1024;  // less than the first records
    gpu.retire_at_once = true;
    start();
    ASSERT_EQ(host_blob(5, 1, 7, 8192), 0);
    std::memset(map(5), 1, 8192);
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(submit(), 0);
        EXPECT_EQ(virgl_renderer_context_create_fence(1, 0, 1, static_cast<uint64_t>(i)), 0);
    }
    EXPECT_EQ(gpu.context(1).submissions.size(), 10u);
    EXPECT_EQ(seen.context_fences.size(), 10u);
    EXPECT_EQ(types().back(), RecordType::kEnd);
    EXPECT_LE(fs::file_size(settings.path), 1024u);
}

TEST_F(RecorderTest, AResetIsARecord) {
    start();
    ASSERT_EQ(host_blob(5, 1, 7, 8192), 0);
    virgl_renderer_reset();
    EXPECT_EQ(types().back(), RecordType::kReset);
    ASSERT_EQ(native_context(1), 0);
    ASSERT_EQ(host_blob(5, 1, 7, 8192), 0);
    EXPECT_EQ(types().back(), RecordType::kBlob);
}

TEST(RecordSettingsTest, AreReadFromTheEnvironment) {
    std::map<std::string, std::string> variables;
    const Environment environment = [&](const char* name) {
        const auto found = variables.find(name);
        return found == variables.end() ? nullptr : found->second.c_str();
    };
    EXPECT_FALSE(*record_settings(environment, 42));
    variables["VIADUCT_RECORD"] = "/tmp/vm-%PID%.%PID%";
    variables["VIADUCT_GPU"] = "sim:renoir";
    auto settings = record_settings(environment, 42);
    ASSERT_TRUE(settings && *settings);
    EXPECT_EQ((*settings)->path, "/tmp/vm-42.42");
    EXPECT_TRUE((*settings)->contents);
    EXPECT_EQ((*settings)->most_bytes, 1ull << 30);
    EXPECT_EQ((*settings)->gpu, "sim:renoir");
    variables["VIADUCT_RECORD_CONTENTS"] = "no";
    variables["VIADUCT_RECORD_LIMIT"] = "16M";
    settings = record_settings(environment, 42);
    EXPECT_FALSE((*settings)->contents);
    EXPECT_EQ((*settings)->most_bytes, 16u << 20);
    variables["VIADUCT_RECORD_LIMIT"] = "much";
    EXPECT_FALSE(record_settings(environment, 42));
    variables["VIADUCT_RECORD_LIMIT"] = "1G";
    variables["VIADUCT_RECORD_CONTENTS"] = "maybe";
    EXPECT_FALSE(record_settings(environment, 42));
}

}  // namespace

}  // namespace viaduct::test
