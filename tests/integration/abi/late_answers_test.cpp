// Blobs of a worker that answers late: the VMM does not wait for them where it creates them, nor
// where it maps what the worker has announced.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/integration/abi/vmm.h"
#include "tests/integration/isolation/workers.h"

namespace viaduct::test {
namespace {

constexpr uint64_t kBytes = 8192;
constexpr int kBlobs = 12;  // a deadline each would be minutes

std::string target_of(int fd) {
    char text[256] = {};
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    return ::readlink(link.c_str(), text, sizeof(text) - 1) > 0 ? text : "";
}

class BlobsOfAStoppedWorker : public testing::Test {
  protected:
    void SetUp() override {
        ASSERT_TRUE(guest_.settle());
        worker_ = worker_of(name_);
    }
    enum class Answer { kWanted, kNone };
    void make_buffers(Answer answer) {
        blob_ids_.clear();
        for (int i = 0; i < kBlobs; ++i) {
            blob_ids_.push_back(guest_.next_blob_id());
            Message message = guest_.driver().make_buffer(blob_ids_.back(), kBytes);
            if (answer == Answer::kNone) message.answer = 0;
            guest_.send(std::move(message));
        }
    }
    void stop() { ASSERT_EQ(::kill(worker_, SIGSTOP), 0); }
    void go_on() { ASSERT_EQ(::kill(worker_, SIGCONT), 0); }

    /// Creates all blobs: none can be answered. Their resources.
    std::vector<uint32_t> create_all(uint32_t flags) {
        std::vector<uint32_t> resources;
        for (const uint64_t blob_id : blob_ids_) {
            resources.push_back(vmm_.next_res_id());
            EXPECT_EQ(guest_.begin_blob(resources.back(), blob_id, kBytes, flags), 0);
        }
        return resources;
    }
    /// As QEMU 11 does right after creation: it remembers the number.
    static int descriptor_of(uint32_t res_id) {
        virgl_renderer_resource_info info{};
        EXPECT_EQ(virgl_renderer_resource_get_info(static_cast<int>(res_id), &info), 0);
        return info.fd;
    }
    static char last_byte(uint32_t res_id) {
        void* address = nullptr;
        uint64_t size = 0;
        if (virgl_renderer_resource_map(res_id, &address, &size) != 0) return 0;
        const char last = static_cast<char*>(address)[kBytes - 1];
        EXPECT_EQ(virgl_renderer_resource_unmap(res_id), 0);
        return last;
    }
    /// 0, or the error. Writes into the blob.
    static int map(uint32_t res_id) {
        uint32_t caching = 0;
        if (const int error = virgl_renderer_resource_get_map_info(res_id, &caching)) return error;
        void* address = nullptr;
        uint64_t size = 0;
        if (const int error = virgl_renderer_resource_map(res_id, &address, &size)) return error;
        static_cast<char*>(address)[kBytes - 1] = 'x';
        return virgl_renderer_resource_unmap(res_id);
    }

    const std::string name_ = unique_name("la");
    Vmm vmm_;
    GuestContext guest_{vmm_, 1, GuestContext::Control::kCreate, name_};
    pid_t worker_ = -1;
    std::vector<uint64_t> blob_ids_;
};

/// As Mesa does it: a buffer is made and asked for in one go.
class LateAnswers : public BlobsOfAStoppedWorker {
  protected:
    void SetUp() override {
        BlobsOfAStoppedWorker::SetUp();
        stop();
        make_buffers(Answer::kNone);
    }
};

/// As the guest layer does it, which waits until the buffer is there.
class AnnouncedBlobs : public BlobsOfAStoppedWorker {
  protected:
    void SetUp() override {
        BlobsOfAStoppedWorker::SetUp();
        make_buffers(Answer::kWanted);
        ASSERT_TRUE(guest_.settle());
        stop();
    }
};

TEST_F(AnnouncedBlobs, AreCreatedAndMappedWithoutAWorker) {
    for (const uint32_t flags : {kMappable, kMappable | kShareable}) {
        const std::vector<uint32_t> resources = create_all(flags);
        for (const uint32_t res_id : resources) EXPECT_EQ(map(res_id), 0);
        go_on();
        ASSERT_TRUE(guest_.settle());
        for (const uint32_t res_id : resources) {
            EXPECT_EQ(last_byte(res_id), 'x') << "the same memory";
            virgl_renderer_resource_unref(res_id);
        }
        make_buffers(Answer::kWanted);
        ASSERT_TRUE(guest_.settle());
        stop();
    }
    go_on();
}

TEST_F(AnnouncedBlobs, AreGivenOutLikeOthers) {
    const std::vector<uint32_t> resources = create_all(kMappable | kShareable);
    for (const uint32_t res_id : resources) EXPECT_EQ(map(res_id), 0);
    go_on();
    for (const uint32_t res_id : resources) {
        uint32_t type = 0;
        UniqueFd fd;
        int raw = -1;
        ASSERT_EQ(virgl_renderer_resource_export_blob(res_id, &type, &raw), 0);
        fd.reset(raw);
        struct stat info {};
        EXPECT_EQ(::fstat(fd.get(), &info), 0);
        EXPECT_EQ(info.st_size, static_cast<off_t>(kBytes)) << target_of(fd.get());
    }
}

TEST_F(AnnouncedBlobs, LargerThanTheirObjectsAreAskedFor) {
    const uint32_t res_id = vmm_.next_res_id();
    ASSERT_EQ(guest_.begin_blob(res_id, blob_ids_[0], 2 * kBytes), 0);
    go_on();
    EXPECT_LT(map(res_id), 0);
}

TEST_F(LateAnswers, AreNotWaitedForWhereABlobIsCreated) {
    for (const uint32_t flags : {kMappable, kMappable | kShareable}) {
        const std::vector<uint32_t> resources = create_all(flags);
        go_on();
        for (const uint32_t res_id : resources) EXPECT_EQ(map(res_id), 0);
        for (const uint32_t res_id : resources) virgl_renderer_resource_unref(res_id);
        ASSERT_TRUE(guest_.settle());
        stop();
        make_buffers(Answer::kNone);
    }
    go_on();
}

TEST_F(LateAnswers, PutTheDescriptorWhereTheVmmExpectsIt) {
    const std::vector<uint32_t> resources = create_all(kMappable | kShareable);
    std::vector<int> numbers;
    for (const uint32_t res_id : resources) numbers.push_back(descriptor_of(res_id));
    for (const int number : numbers)
        EXPECT_NE(target_of(number).find("eventfd"), std::string::npos);
    go_on();
    ASSERT_TRUE(guest_.settle());
    for (const int number : numbers)  // nobody asks the library
        EXPECT_TRUE(eventually([&] {
            struct stat info {};
            return ::fstat(number, &info) == 0 && info.st_size == kBytes;
        })) << target_of(number);
    for (size_t i = 0; i < numbers.size(); ++i) EXPECT_EQ(descriptor_of(resources[i]), numbers[i]);
}

// A program that ends at once may have given its buffer to another.
TEST_F(LateAnswers, AreOfUseAfterTheirContext) {
    const uint32_t res_id = create_all(kMappable | kShareable).front();
    const int number = descriptor_of(res_id);
    virgl_renderer_context_destroy(1);
    go_on();
    EXPECT_TRUE(eventually([&] {
        struct stat info {};
        return ::fstat(number, &info) == 0 && info.st_size == kBytes;
    })) << target_of(number);
}

TEST_F(LateAnswers, ToWhatIsGoneTouchNothing) {
    const auto before = ProcessUse::now();
    const std::vector<uint32_t> resources = create_all(kMappable | kShareable);
    for (const uint32_t res_id : resources) virgl_renderer_resource_unref(res_id);
    std::vector<UniqueFd> others;  // have the numbers now
    for (int i = 0; i < kBlobs; ++i) others.emplace_back(::open("/dev/null", O_RDWR | O_CLOEXEC));
    go_on();
    EXPECT_TRUE(guest_.settle());
    for (const UniqueFd& other : others) EXPECT_EQ(target_of(other.get()), "/dev/null");
    others.clear();
    EXPECT_TRUE(eventually([&] { return ProcessUse::now().descriptors <= before.descriptors; }));
}

// A worker that a guest has taken over might never answer.
TEST_F(LateAnswers, AreBounded) {
    create_all(kMappable);
    int refused = 0;
    for (int i = 0; i < 100; ++i) {
        const uint32_t res_id = vmm_.next_res_id();
        const bool made = guest_.begin_blob(res_id, 1000u + static_cast<uint64_t>(i), kBytes) == 0;
        if (made) virgl_renderer_resource_unref(res_id);
        refused += !made;
    }
    EXPECT_GT(refused, 80);
    go_on();
    EXPECT_TRUE(guest_.settle());
}

TEST_F(LateAnswers, MayBeErrors) {
    const uint32_t unknown = vmm_.next_res_id(), too_large = vmm_.next_res_id();
    ASSERT_EQ(guest_.begin_blob(unknown, guest_.next_blob_id(), kBytes), 0);
    ASSERT_EQ(guest_.begin_blob(too_large, blob_ids_[0], 2 * kBytes, kMappable | kShareable), 0);
    go_on();
    for (const uint32_t res_id : {unknown, too_large}) {
        EXPECT_LT(map(res_id), 0);
        EXPECT_LT(map(res_id), 0) << "again";
        uint32_t type = 0;
        int fd = -1;
        EXPECT_EQ(virgl_renderer_resource_export_blob(res_id, &type, &fd), -EINVAL);
        virgl_renderer_resource_unref(res_id);
    }
    EXPECT_TRUE(guest_.settle());
}

TEST_F(LateAnswers, DoNotComeFromAWorkerThatDies) {
    const std::vector<uint32_t> resources = create_all(kMappable | kShareable);
    ::kill(worker_, SIGKILL);
    for (const uint32_t res_id : resources) EXPECT_LT(map(res_id), 0);
    for (const uint32_t res_id : resources) virgl_renderer_resource_unref(res_id);
    EXPECT_TRUE(vmm_.wait_log("context 1 is lost"));
}

TEST_F(LateAnswers, AreWaitedForBeforeAnotherContextGetsTheBlob) {
    GuestContext other(vmm_, 2);
    ASSERT_TRUE(other.settle());
    const uint32_t res_id = create_all(kMappable | kShareable).front();
    go_on();
    virgl_renderer_ctx_attach_resource(2, static_cast<int>(res_id));
    EXPECT_EQ(other.map(res_id, 0x8000'0000, kBytes), 0);
}

}  // namespace
}  // namespace viaduct::test
