// The announcements of new objects, by which nobody has to wait for the worker.
#include <amdgpu_drm.h>
#include <poll.h>

#include <optional>
#include <vector>

#include "drm-context/native_context.h"
#include "tests/unit/drm-context/worker/worker_fixture.h"
#include "wire/amdgpu.h"
#include "wire/ccmd.h"

namespace viaduct {
namespace {

namespace w = wire::amdgpu;
using transport::RecordType;

/// A guest that makes buffers of a page each.
class AnnouncementTest : public test::WorkerWithAGuest {
  protected:
    struct News {
        transport::Reply reply{};
        UniqueFd memory;
    };
    static constexpr uint64_t kSize = 4096;

    /// Of the answer to a guest that waits for it; 0: one that does not.
    static constexpr uint32_t kAnswer = 8;

    void SetUp() override {
        run(settings());
        give_control_buffer();
    }
    w::GemNewRequest gem_new(uint64_t blob_id, uint64_t flags = 0, uint32_t rsp_off = kAnswer) {
        w::GemNewRequest request{};
        request.hdr = {static_cast<uint32_t>(w::Command::kGemNew), sizeof(request), ++seqno_,
                       rsp_off};
        request.blob_id = blob_id;
        request.alloc_size = kSize;
        request.preferred_heap = AMDGPU_GEM_DOMAIN_GTT;
        request.flags = flags;
        return request;
    }
    void make(uint64_t blob_id, uint64_t flags = 0, uint32_t rsp_off = kAnswer) {
        const auto request = gem_new(blob_id, flags, rsp_off);
        send(RecordType::kSubmit, std::as_bytes(std::span(&request, 1)));
    }
    transport::CreateBlob creation(uint64_t blob_id) {
        return {++cookie_, blob_id, kSize, static_cast<uint32_t>(blob_id), kBlobMappable};
    }
    uint64_t claim(uint64_t blob_id) {
        const auto call = creation(blob_id);
        send(RecordType::kCreateBlob, std::as_bytes(std::span(&call, 1)));
        return call.cookie;
    }
    News next() {
        News news;
        auto descriptor = transport::receive_message(
            front_.socket.get(), std::as_writable_bytes(std::span(&news.reply, 1)), deadline());
        EXPECT_TRUE(descriptor);
        if (descriptor) news.memory = *std::move(descriptor);
        return news;
    }

    /// Whether the front is notified within `most` ms.
    bool is_notified(int most) {
        pollfd entry{front_.notify.get(), POLLIN, 0};
        return ::poll(&entry, 1, most) > 0;
    }

    uint32_t seqno_ = 0;
    uint64_t cookie_ = 0;
};

TEST_F(AnnouncementTest, TellsHowToMapAnObjectThatNobodyHasAskedFor) {
    make(5);
    const News news = next();
    EXPECT_EQ(news.reply.cookie, transport::kAnnouncementCookie);
    EXPECT_EQ(news.reply.blob_id, 5u);
    EXPECT_EQ(news.reply.size, kSize);
    EXPECT_EQ(news.reply.cache, static_cast<uint32_t>(MapCache::kCached));
    EXPECT_EQ(news.reply.has_place, 1u);
    EXPECT_EQ(news.reply.if_opaque, 0u);
    EXPECT_TRUE(news.memory) << "a simulated GPU's";
    const uint64_t cookie = claim(5);
    const News answer = next();
    EXPECT_EQ(answer.reply.cookie, cookie);
    EXPECT_EQ(answer.reply.error, 0);
    EXPECT_EQ(answer.reply.has_place, 0u) << "that was said";
    EXPECT_FALSE(answer.memory);
}

TEST_F(AnnouncementTest, OneThatCannotBeSharedIsAnotherWhenItIs) {
    make(5, AMDGPU_GEM_CREATE_VM_ALWAYS_VALID);
    EXPECT_EQ(next().reply.if_opaque, 1u);
}

TEST_F(AnnouncementTest, OneThatTheProcessorCannotReachHasNoPlace) {
    make(5, AMDGPU_GEM_CREATE_NO_CPU_ACCESS);
    const News news = next();
    EXPECT_EQ(news.reply.blob_id, 5u);
    EXPECT_EQ(news.reply.has_place, 0u);
    EXPECT_FALSE(news.memory);
}

TEST_F(AnnouncementTest, ComesBeforeTheGuestCanSeeThatTheCommandHasRun) {
    make(5);
    const auto* const header = reinterpret_cast<const wire::ShmemHeader*>(control_.data());
    while (std::atomic_ref(const_cast<uint32_t&>(header->seqno)).load() != seqno_)
        std::this_thread::yield();
    News news;
    EXPECT_TRUE(transport::receive_message(front_.socket.get(),
                                           std::as_writable_bytes(std::span(&news.reply, 1)), {}));
    EXPECT_EQ(news.reply.blob_id, 5u);
}

// Such a guest asks at once: two messages would be one too many.
TEST_F(AnnouncementTest, OneThatTheGuestDoesNotWaitForIsAnsweredOnly) {
    make(5, 0, 0);
    make(6, 0, 0);
    make(7);
    EXPECT_EQ(next().reply.blob_id, 7u);
    const uint64_t cookie = claim(5);
    const News answer = next();
    EXPECT_EQ(answer.reply.cookie, cookie);
    EXPECT_EQ(answer.reply.has_place, 1u);
}

// The front reads the socket when it looks for one, or when it waits.
TEST_F(AnnouncementTest, NeitherItNorAnAnswerWakesAFrontThatDoesNotListen) {
    make(5);
    next();
    claim(5);
    next();
    EXPECT_FALSE(is_notified(0));
    front_.page().front_listens = 1;
    claim(5);
    next();
    EXPECT_TRUE(is_notified(10'000)) << "the answer that there is none any more";
}

TEST_F(AnnouncementTest, ThereAreNeverMoreThanTheFrontKeeps) {
    for (uint64_t id = 1; id <= transport::kMostAnnounced + 1; ++id) make(id);
    for (uint64_t id = 1; id <= transport::kMostAnnounced; ++id)
        ASSERT_EQ(next().reply.blob_id, id);
    const uint64_t cookie = claim(transport::kMostAnnounced + 1);
    EXPECT_EQ(next().reply.cookie, cookie) << "the last one was not announced";
    claim(1);
    next();
    make(100);
    EXPECT_EQ(next().reply.blob_id, 100u) << "one was claimed";
}

}  // namespace
}  // namespace viaduct
