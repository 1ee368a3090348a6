#include "guest-mesa/layer/command_stream.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/unit/guest-mesa/layer/fake_host.h"

namespace viaduct::guest {
namespace {

namespace amd = wire::amdgpu;
using test::bytes_of;
using test::FakeHost;
using test::Sent;

constexpr HostPatience kShort{std::chrono::milliseconds(1), 20};

class CommandStreamTest : public ::testing::Test {
  protected:
    void SetUp() override {
        auto created = CommandStream::create(channel, kShort);
        ASSERT_TRUE(created) << created.error().message;
        stream = std::move(*created);
    }
    int post(uint64_t va) {
        amd::BoVaOpRequest request{};
        request.hdr = {static_cast<uint32_t>(amd::Command::kBoVaOp), sizeof(request), 0, 0};
        request.va = va;
        return stream->post(channel, bytes_of(request));
    }
    int create_ctx(uint32_t* id = nullptr) {
        amd::CreateCtxRequest request{};
        request.hdr = {static_cast<uint32_t>(amd::Command::kCreateCtx), sizeof(request), 0, 0};
        amd::CreateCtxResponse answer{};
        const int result = stream->call(channel, {bytes_of(request), bytes_of(answer)});
        if (id) *id = answer.ctx_id;
        return result;
    }

    int create_blob(uint64_t blob_id, uint32_t* handle = nullptr) {
        amd::GemNewRequest request{};
        request.hdr = {static_cast<uint32_t>(amd::Command::kGemNew), sizeof(request), 0, 0};
        request.blob_id = blob_id;
        virtgpu::ResourceCreateBlob blob{};
        blob.blob_mem = virtgpu::BlobMem::kHost3d;
        blob.blob_flags = virtgpu::kBlobMappable;
        blob.size = 4096;
        blob.blob_id = blob_id;
        const int result = stream->create_blob(channel, bytes_of(request), blob, confirmed);
        if (handle) *handle = blob.bo_handle;
        return result;
    }
    /// Every request has arrived once, in order.
    void expect_each_once(size_t count) {
        ASSERT_EQ(host.requests.size(), count);
        for (uint32_t i = 0; i < count; ++i) EXPECT_EQ(host.requests[i].header.seqno, i + 1);
    }

    FakeHost host;
    Channel channel{host, 7};
    std::unique_ptr<CommandStream> stream;
    bool confirmed = false;  // the last blob's object
};

/// On a host that has no answer to the commands that make objects, which shows with the first one.
class EmbeddingCommandStreamTest : public CommandStreamTest {
  protected:
    void SetUp() override {
        CommandStreamTest::SetUp();
        host.answers_creations = false;
        ASSERT_EQ(create_blob(100), 0);
    }
};

TEST_F(CommandStreamTest, PostedRequestsTravelWithTheNextCallInOrder) {
    EXPECT_EQ(post(0x1000), 0);
    EXPECT_EQ(post(0x2000), 0);
    EXPECT_TRUE(host.requests.empty());
    uint32_t id = 0;
    EXPECT_EQ(create_ctx(&id), 0);
    EXPECT_EQ(id, 1u);
    ASSERT_EQ(host.requests.size(), 3u);
    for (uint32_t i = 0; i < 3; ++i) EXPECT_EQ(host.requests[i].header.seqno, i + 1);
    EXPECT_EQ(host.requests[1].as<amd::BoVaOpRequest>().va, 0x2000u);
    EXPECT_EQ(host.sent.back().ring, 0u);
}

TEST_F(CommandStreamTest, ManyPostedRequestsAreSentInBatches) {
    constexpr uint32_t kCount = 1000;
    for (uint32_t i = 0; i < kCount; ++i) ASSERT_EQ(post(i), 0);
    EXPECT_EQ(stream->flush(channel), 0);
    ASSERT_EQ(host.requests.size(), kCount);
    for (uint32_t i = 0; i < kCount; ++i) ASSERT_EQ(host.requests[i].header.seqno, i + 1);
    EXPECT_EQ(stream->flush(channel), 0);
    EXPECT_EQ(host.requests.size(), kCount);
}

// An interrupted ioctl is made again by the driver: nothing may arrive twice or get lost.
TEST_F(CommandStreamTest, RefusedSubmissionCanBeMadeAgain) {
    ASSERT_EQ(post(0x1000), 0);
    host.exec_error = -EINTR;
    EXPECT_EQ(create_ctx(), -EINTR);
    EXPECT_TRUE(host.requests.empty());
    EXPECT_EQ(create_ctx(), 0);
    expect_each_once(2);
}

// Otherwise the monitor waits, and with it all that it does for anybody.
TEST_F(CommandStreamTest, AnObjectIsWaitedForBeforeItsBlobIsAskedFor) {
    ASSERT_EQ(post(0x1000), 0);
    ASSERT_EQ(create_blob(2), 0);
    EXPECT_TRUE(confirmed);
    ASSERT_EQ(host.sent.size(), 3u) << "with the control buffer's";
    const Sent& ahead = host.sent[1];
    const Sent& blob = host.sent[2];
    EXPECT_FALSE(ahead.is_blob);
    EXPECT_EQ(ahead.commands.size(), 2u) << "with what was queued";
    EXPECT_TRUE(blob.is_blob);
    EXPECT_TRUE(blob.commands.empty());
    EXPECT_EQ(host.blobs.back().blob_id, 2u);
    expect_each_once(2);
}

TEST_F(CommandStreamTest, AnObjectThatTheHostDoesNotMakeHasNoBlob) {
    host.results[static_cast<uint32_t>(amd::Command::kGemNew)] = -EACCES;
    EXPECT_EQ(create_blob(2), -ENOMEM);
    EXPECT_EQ(host.blobs.size(), 1u) << "the control buffer";
    host.results.clear();
    EXPECT_EQ(create_blob(3), 0);
}

TEST_F(CommandStreamTest, AnObjectThatWasMadeIsGivenUpWithItsBlob) {
    host.blob_failures = {{-ENOMEM, false}};
    EXPECT_EQ(create_blob(5), -ENOMEM);
    EXPECT_EQ(host.blobs.back().blob_id, 5u);
    EXPECT_EQ(host.blobs.back().blob_flags, 0u) << "no room in the window";
    EXPECT_EQ(host.closed.size(), 1u);
    host.blob_failures = {{-ENOSPC, false}};
    EXPECT_EQ(create_blob(6), -ENOSPC);
    EXPECT_EQ(host.blobs.back().blob_id, 6u) << "it went with the blob";
    EXPECT_EQ(host.closed.size(), 1u);
}

TEST_F(CommandStreamTest, AHostThatHasNoAnswerGetsTheNextObjectsEmbedded) {
    host.answers_creations = false;
    ASSERT_EQ(create_blob(1), 0);
    EXPECT_FALSE(confirmed);
    EXPECT_TRUE(host.sent.back().commands.empty()) << "made ahead";
    ASSERT_EQ(create_blob(2), 0);
    EXPECT_FALSE(confirmed);
    EXPECT_TRUE(host.sent.back().is_blob);
    EXPECT_EQ(host.sent.back().commands.size(), 1u);
    expect_each_once(2);
}

// The window is full: the node finds out when the host has the commands and has made the blob.
TEST_F(EmbeddingCommandStreamTest, CommandsOfARefusedBlobRunOnce) {
    ASSERT_EQ(post(0x1000), 0);
    host.blob_failures = {{-ENOSPC, true}};
    EXPECT_EQ(create_blob(1), -ENOSPC);
    EXPECT_FALSE(stream->lost());
    EXPECT_EQ(host.blobs.size(), 3u) << "with the control buffer: the object went with the blob";
    EXPECT_EQ(create_ctx(), 0);
    expect_each_once(4);
}

TEST_F(EmbeddingCommandStreamTest, CommandsThatARefusedBlobKeptBackRunLater) {
    ASSERT_EQ(post(0x1000), 0);
    host.blob_failures = {{-ENOMEM, false}};
    EXPECT_EQ(create_blob(1), -ENOMEM);
    EXPECT_FALSE(stream->lost());
    EXPECT_EQ(host.requests.size(), 1u);
    EXPECT_EQ(create_ctx(), 0);
    expect_each_once(3);
    EXPECT_EQ(host.received(amd::Command::kGemNew).size(), 1u) << "its caller makes it again";
}

TEST_F(EmbeddingCommandStreamTest, ObjectWithoutABlobIsGivenUp) {
    host.blob_failures = {{-ENOMEM, true}};
    EXPECT_EQ(create_blob(5), -ENOMEM);
    ASSERT_EQ(host.blobs.size(), 4u);
    EXPECT_EQ(host.blobs.back().blob_id, 5u);
    EXPECT_EQ(host.blobs.back().blob_flags, 0u) << "no room in the window";
    EXPECT_EQ(host.blobs.back().cmd_size, 0u);
    EXPECT_EQ(host.closed.size(), 1u);
    EXPECT_EQ(create_blob(6), 0);
    expect_each_once(3);
}

TEST_F(EmbeddingCommandStreamTest, RefusedBlobIsSettledWithoutAFenceToo) {
    host.blob_failures = {{-ENOSPC, true}};
    host.exec_error = -EMFILE;
    EXPECT_EQ(create_blob(1), -ENOSPC);
    EXPECT_EQ(create_ctx(), 0);
    expect_each_once(3);
}

TEST_F(CommandStreamTest, HostThatNeverAnswersIsLostInsteadOfWaitedForEver) {
    host.answers = false;
    EXPECT_EQ(create_ctx(), -EIO);
    EXPECT_TRUE(stream->lost());
    EXPECT_EQ(create_ctx(), -ENODEV);
    EXPECT_EQ(post(0), -ENODEV);
    EXPECT_EQ(stream->flush(channel), -ENODEV);
}

TEST_F(CommandStreamTest, FenceWithoutSeqnoIsALostHostToo) {
    host.publishes = false;
    EXPECT_EQ(create_ctx(), -EIO);
    EXPECT_TRUE(stream->lost());
}

TEST_F(CommandStreamTest, AnswerLargerThanTheControlBufferIsRefused) {
    amd::QueryInfoRequest request{};
    request.hdr = {static_cast<uint32_t>(amd::Command::kQueryInfo), sizeof(request), 0, 0};
    std::vector<std::byte> answer(0x10000);
    EXPECT_EQ(stream->call(channel, {bytes_of(request), answer}), -EINVAL);
    EXPECT_TRUE(host.requests.empty());
}

TEST_F(CommandStreamTest, ManyThreadsEachGetTheirOwnAnswer) {
    constexpr int kThreads = 4;
    constexpr uint32_t kCalls = 200;
    std::mutex mutex;
    std::set<uint32_t> ids;
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i)
        threads.emplace_back([&] {
            for (uint32_t call = 0; call < kCalls; ++call) {
                uint32_t id = 0;
                EXPECT_EQ(create_ctx(&id), 0);
                EXPECT_EQ(post(call), 0);
                const std::lock_guard lock(mutex);
                EXPECT_TRUE(ids.insert(id).second) << "two calls were given context " << id;
            }
        });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(ids.size(), kThreads * kCalls);
    EXPECT_EQ(stream->flush(channel), 0);
    for (size_t i = 0; i < host.requests.size(); ++i)
        ASSERT_EQ(host.requests[i].header.seqno, i + 1);
}

TEST(CommandStreamCreateTest, ContextThatExistsAlreadyIsAnError) {
    FakeHost host;
    host.context_initialised = true;
    const auto stream = CommandStream::create({host, 7}, kShort);
    ASSERT_FALSE(stream);
    EXPECT_EQ(stream.error().code, EEXIST);
}

}  // namespace
}  // namespace viaduct::guest
