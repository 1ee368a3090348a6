// The front's handling of answers, which a guest may have written: it may own the worker.
#include "drm-context/front/remote_context.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sys/mman.h>

#include <array>
#include <climits>
#include <optional>

#include "blob/foreign_memory.h"
#include "blob/memfd.h"
#include "drm-context/driver/table.h"
#include "drm-context/transport/command_ring.h"
#include "tests/unit/drm-context/front/link_parts.h"

namespace viaduct {
namespace {

using transport::RecordType;

constexpr uint64_t kSize = 4096;
const DriverTraits& kTraits = find_context_type(wire::ContextType::kAmdgpu)->traits();

constexpr BlobRequest kControlBuffer{ResourceId(1), 1, 0, kSize};
constexpr BlobRequest kOpaque{ResourceId(1), 1, 7, kSize};
constexpr BlobRequest kShared{ResourceId(1), 1 | kBlobShareable, 7, kSize};

/// Memory that a worker may shrink while the VMM uses it.
UniqueFd unsealed_memory() {
    UniqueFd fd(::memfd_create("unsealed", MFD_CLOEXEC));
    EXPECT_EQ(::ftruncate(fd.get(), kSize), 0);
    return fd;
}
UniqueFd sealed_memory(uint64_t size = kSize) {
    return create_sealed_memfd("sealed", size).value();
}

/// A context that has asked nothing yet, and what will answer its first question.
class Remote {
  public:
    void answer(transport::Reply reply, const UniqueFd& descriptor = UniqueFd(),
                uint64_t question = 1) {
        reply.cookie = question;  // or call
        say(reply, descriptor);
    }
    void announce(transport::Reply reply, const UniqueFd& descriptor, uint64_t blob_id = 7) {
        reply.cookie = transport::kAnnouncementCookie;
        reply.blob_id = blob_id;
        if (reply.size == 0) reply.size = kSize;
        say(reply, descriptor);
    }
    NativeContext& context() { return context_; }
    ContextLink& link() { return *link_; }
    DeviceFile& file() { return *link_->file(); }
    /// The type of the next record to the worker.
    std::optional<RecordType> next_record() {
        transport::RingConsumer consumer(worker_.page(), worker_.ring_bytes());
        const auto record = consumer.peek();
        return record ? std::optional(record->type) : std::nullopt;
    }
    /// How many records have been sent to the worker.
    int records() {
        transport::RingConsumer consumer(worker_.page(), worker_.ring_bytes());
        int count = 0;
        consumer.look_ahead([&](const auto&) { ++count; });
        return count;
    }
    void start() {
        if (!std::exchange(started_, true)) test::start(*link_, worker_.socket.get());
    }
    /// As the fence thread does, which delivers what comes late.
    void collect() {
        std::vector<RetiredFence> fences;
        link_->collect(fences);
    }

  private:
    void say(const transport::Reply& reply, const UniqueFd& descriptor) {
        start();
        ASSERT_TRUE(transport::send_message(worker_.socket.get(),
                                            std::as_bytes(std::span(&reply, 1)), descriptor.get()));
    }

    transport::Channel channel_ = transport::create_channel(4096).value();
    transport::ChannelEnd worker_ = transport::open_channel_end(std::move(channel_.worker)).value();
    std::shared_ptr<ContextLink> link_ =
        std::make_shared<ContextLink>(ContextId(1), std::move(channel_.front), test::device_file(),
                                      test::closer(), test::patience());
    RemoteContext context_{link_, kTraits};
    bool started_ = false;
};

transport::Reply cached() {
    transport::Reply reply{};
    reply.cache = static_cast<uint32_t>(MapCache::kCached);
    return reply;
}

TEST(RemoteContext, ABlobIsWhatWasAskedFor) {
    struct Case {
        const char* what;
        BlobRequest request;
        bool has_descriptor;
    };
    const Case cases[] = {{"shareable", kShared, true}, {"opaque", kOpaque, false}};
    for (const Case& c : cases) {
        Remote remote;
        remote.answer(cached(), sealed_memory());
        const auto blob = remote.context().create_blob(c.request);
        ASSERT_TRUE(blob) << c.what << ": " << blob.error().message;
        EXPECT_EQ(blob->fd.valid(), c.has_descriptor) << c.what;
        EXPECT_EQ(blob->cache, MapCache::kCached) << c.what;
    }
}

TEST(RemoteContext, ADescriptorOfAnOpaqueBlobGoesNoFurther) {
    Remote remote;
    remote.answer(cached(), unsealed_memory());
    const auto blob = remote.context().create_blob(kOpaque);
    ASSERT_TRUE(blob);
    EXPECT_FALSE(blob->fd.valid());
}

TEST(RemoteContext, MemoryThatCanGoAwayIsRefused) {
    Remote unsealed, short_one, none;
    unsealed.answer(cached(), unsealed_memory());
    EXPECT_EQ(unsealed.context().create_blob(kShared).error().code, EACCES);
    short_one.answer(cached(), sealed_memory(kSize / 2));
    EXPECT_EQ(short_one.context()
                  .create_blob({ResourceId(1), kShared.blob_flags, kShared.blob_id, 3 * kSize})
                  .error()
                  .code,
              EINVAL);
    none.answer(cached());
    EXPECT_EQ(none.context().create_blob(kShared).error().code, EMFILE);
    Remote exported;
    exported.answer(cached(), unsealed_memory());
    EXPECT_EQ(exported.context().export_blob(ResourceId(1)).error().code, EACCES);
}

// Its guest maps it before anything else: a GPU that is slow to open must not keep the VMM waiting.
TEST(RemoteContext, TheControlBufferNeedsNoWorker) {
    Remote remote;
    const auto blob = remote.context().create_blob(kControlBuffer);
    ASSERT_TRUE(blob) << blob.error().message;
    EXPECT_EQ(blob->cache, MapCache::kCached);
    EXPECT_TRUE(check_mappable(blob->fd.get(), 0, kSize));
    EXPECT_FALSE(remote.next_record()) << "its worker has not started";
    remote.start();
    EXPECT_EQ(remote.next_record(), RecordType::kControlBuffer);
    EXPECT_EQ(remote.context().create_blob(kControlBuffer).error().code, EINVAL) << "a second one";
}

TEST(RemoteContext, AControlBufferIsMappableAndNothingElse) {
    for (const uint32_t flags : {0u, kBlobShareable, kBlobMappable | kBlobShareable}) {
        Remote remote;
        EXPECT_EQ(remote.context().create_blob({ResourceId(1), flags, 0, kSize}).error().code,
                  EINVAL)
            << flags;
    }
}

// A duplicate would have to be closed, and that waits for the GPU.
TEST(RemoteContext, ARenderNodesBuffersAreMappedThroughTheOneDescriptorThereIs) {
    Remote remote;
    UniqueFd node(::open("/dev/null", O_RDWR | O_CLOEXEC));
    const int number = node.get();
    remote.file().adopt(std::move(node), DeviceFile::Kind::kRenderNode);
    transport::Reply reply{};
    reply.offset = 0x1'0000'0000;
    remote.answer(reply, sealed_memory());  // which nobody asked for
    const auto source = remote.context().map_source(ResourceId(1), kSize);
    ASSERT_TRUE(source) << source.error().message;
    EXPECT_EQ(source->fd, number);
    EXPECT_EQ(source->offset, 0x1'0000'0000u);
    EXPECT_FALSE(source->opened);
    EXPECT_TRUE(source->file) << "keeps the descriptor for as long as the mapping";
}

// Others import what is exported, and take it for the GPU's memory.
TEST(RemoteContext, ARenderNodesBuffersAreDmabufs) {
    const auto request = [](auto ask) {
        Remote remote;
        remote.file().adopt(UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC)),
                            DeviceFile::Kind::kRenderNode);
        remote.answer(cached(), sealed_memory());
        return ask(remote.context());
    };
    const auto exported =
        request([](NativeContext& context) { return context.export_blob(ResourceId(1)); });
    ASSERT_FALSE(exported) << "a memfd";
    EXPECT_EQ(exported.error().code, EACCES);
    const auto blob = request([](NativeContext& context) { return context.create_blob(kShared); });
    ASSERT_FALSE(blob) << "a memfd";
    EXPECT_EQ(blob.error().code, EACCES);
}

TEST(RemoteContext, AFenceIsExportedAsASyncFileOrNotAtAll) {
    Remote remote;
    remote.context().create_fence(RingIndex(1), FenceId(42));
    remote.answer({}, UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC)));
    EXPECT_EQ(remote.context().export_fence(FenceId(42)).error().code, EBADMSG);
}

TEST(RemoteContext, ASimulatedGpusBuffersBringTheirOwnDescriptors) {
    Remote remote;
    remote.answer(cached(), sealed_memory());
    const auto source = remote.context().map_source(ResourceId(1), kSize);
    ASSERT_TRUE(source) << source.error().message;
    EXPECT_TRUE(source->opened);
    EXPECT_EQ(source->fd, source->opened.get());
}

transport::Reply placed(uint64_t offset) {
    transport::Reply reply = cached();
    reply.has_place = 1;
    reply.offset = offset;
    return reply;
}

// A guest's kernel maps its buffers as soon as they are made.
TEST(RemoteContext, AnAnswerThatNamesThePlaceSavesTheQuestion) {
    Remote simulated;
    simulated.answer(placed(0), sealed_memory());
    ASSERT_TRUE(simulated.context().create_blob(kOpaque));
    const auto source = simulated.context().map_source(ResourceId(1), kSize);
    ASSERT_TRUE(source) << source.error().message;
    EXPECT_TRUE(check_mappable(source->fd, 0, kSize));
    EXPECT_EQ(source->fd, source->opened.get());
    EXPECT_EQ(simulated.records(), 1) << "the creation";

    Remote real;
    UniqueFd node(::open("/dev/null", O_RDWR | O_CLOEXEC));
    const int number = node.get();
    real.file().adopt(std::move(node), DeviceFile::Kind::kRenderNode);
    real.answer(placed(0x1'0000'0000), sealed_memory());  // which nobody asked for
    ASSERT_TRUE(real.context().create_blob(kOpaque));
    const auto there = real.context().map_source(ResourceId(1), kSize);
    ASSERT_TRUE(there) << there.error().message;
    EXPECT_EQ(there->fd, number);
    EXPECT_EQ(there->offset, 0x1'0000'0000u);
    EXPECT_TRUE(there->file);
    EXPECT_EQ(real.records(), 1);
}

TEST(RemoteContext, APlaceThatCannotBeUsedIsAskedFor) {
    struct Case {
        const char* what;
        BlobRequest request;
        transport::Reply reply;
        UniqueFd memory;
        bool is_dropped = false;
    };
    Case cases[] = {
        {"not said", kOpaque, cached(), sealed_memory()},
        {"without memory", kOpaque, placed(0), UniqueFd()},
        {"that shrinks", kOpaque, placed(0), unsealed_memory()},
        {"beyond its end", kOpaque, placed(kSize), sealed_memory()},
        {"not to be mapped", {ResourceId(1), 0, 7, kSize}, placed(0), sealed_memory()},
        {"of a resource that has gone", kOpaque, placed(0), sealed_memory(), true},
    };
    for (Case& c : cases) {
        Remote remote;
        remote.answer(c.reply, c.memory);
        ASSERT_TRUE(remote.context().create_blob(c.request)) << c.what;
        if (c.is_dropped) remote.context().detach_resource(ResourceId(1));
        transport::Reply refusal{};
        refusal.error = ENOENT;
        remote.answer(refusal, UniqueFd(), c.is_dropped ? 3 : 2);
        const auto source = remote.context().map_source(ResourceId(1), kSize);
        ASSERT_FALSE(source) << c.what;
        EXPECT_EQ(source.error().code, ENOENT) << c.what;
    }
}

// The worker need not run: a busy host gives it no processor.
TEST(RemoteContext, AnAnnouncedObjectIsCreatedAndMappedWithoutAnAnswer) {
    for (const BlobRequest& request : {kOpaque, kShared}) {
        Remote remote;
        remote.announce(placed(0), sealed_memory());
        const auto blob = remote.context().create_blob(request);
        ASSERT_TRUE(blob) << blob.error().message;
        ASSERT_TRUE(blob->late);
        EXPECT_EQ(blob->late->foreseen(), MapCache::kCached);
        EXPECT_EQ(blob->fd.valid(), request.kind() == BlobKind::kDmabuf) << "a stand-in";
        const auto source = remote.context().map_source(ResourceId(1), kSize);
        ASSERT_TRUE(source) << source.error().message;
        EXPECT_TRUE(check_mappable(source->fd, 0, kSize));
        EXPECT_EQ(remote.records(), 1) << "the creation";
    }
}

TEST(RemoteContext, TheAnswerToAnAnnouncedObjectsCreationIsItsOutcome) {
    Remote good, bad;
    for (Remote* remote : {&good, &bad}) remote->announce(placed(0), sealed_memory());
    const auto made = good.context().create_blob(kShared);
    const auto refused = bad.context().create_blob(kShared);
    ASSERT_TRUE(made && refused);
    good.answer(cached(), sealed_memory());
    transport::Reply refusal{};
    refusal.error = EPERM;
    bad.answer(refusal);
    for (Remote* remote : {&good, &bad}) remote->collect();
    EXPECT_FALSE(made->late->foreseen()) << "it is known";
    EXPECT_EQ(made->late->settle(), MapCache::kCached);
    EXPECT_FALSE(refused->late->foreseen());
    EXPECT_EQ(refused->late->settle().error().code, EPERM);
}

TEST(RemoteContext, AnOpaqueObjectThatWouldBeReplacedIsPrivate) {
    for (const bool is_replaced : {false, true}) {
        Remote remote;
        transport::Reply news = placed(0);
        news.if_opaque = is_replaced ? 1 : 0;
        remote.announce(news, sealed_memory());
        const auto blob = remote.context().create_blob(kOpaque);
        ASSERT_TRUE(blob);
        EXPECT_EQ(blob->is_private, is_replaced);
    }
}

TEST(RemoteContext, AnAnnouncementThatCannotBeUsedIsAskedFor) {
    struct Case {
        const char* what;
        BlobRequest request;
        transport::Reply news;
        UniqueFd memory;
        uint64_t blob_id = 7;
    };
    transport::Reply private_one = placed(0), unknown = placed(0);
    private_one.if_opaque = 1;
    unknown.cache = 4;
    Case cases[] = {
        {"of another object", kOpaque, placed(0), sealed_memory(), 8},
        {"of a smaller object",
         {ResourceId(1), 1, 7, kSize + 1},
         placed(0),
         sealed_memory(2 * kSize)},
        {"without a place", kOpaque, cached(), UniqueFd()},
        {"of memory that shrinks", kShared, placed(0), unsealed_memory()},
        {"beyond its end", kOpaque, placed(kSize), sealed_memory()},
        {"of an object that will be replaced", kShared, private_one, sealed_memory()},
        {"of unknown caching", kOpaque, unknown, sealed_memory()},
    };
    for (Case& c : cases) {
        Remote remote;
        remote.announce(c.news, c.memory, c.blob_id);
        transport::Reply refusal{};
        refusal.error = ENOENT;
        remote.answer(refusal);
        const auto blob = remote.context().create_blob(c.request);
        ASSERT_FALSE(blob) << c.what;
        EXPECT_EQ(blob.error().code, ENOENT) << c.what;
    }
}

TEST(RemoteContext, AnAnnouncementThatComesAfterTheQuestionIsPartOfTheAnswer) {
    for (const bool is_refused : {false, true}) {
        Remote remote;
        remote.start();
        const auto blob = remote.context().create_blob(kOpaque);
        ASSERT_TRUE(blob && blob->late) << "nobody has answered";
        EXPECT_FALSE(blob->late->foreseen());
        remote.announce(placed(0), sealed_memory());
        transport::Reply answer = cached();
        answer.blob_id = kOpaque.blob_id;
        answer.error = is_refused ? EPERM : 0;
        remote.answer(answer);
        remote.collect();
        EXPECT_EQ(blob->late->settle().has_value(), !is_refused);
        EXPECT_FALSE(remote.link().take_announcement(kOpaque.blob_id));
        if (is_refused) continue;
        const auto source = remote.context().map_source(ResourceId(1), kSize);
        ASSERT_TRUE(source) << source.error().message;
        EXPECT_TRUE(check_mappable(source->fd, 0, kSize));
    }
}

// Guests use ids again.
TEST(RemoteContext, ALateAnswerOfAResourceThatHasGoneIsNotItsSuccessors) {
    Remote remote;
    remote.start();
    const auto first = remote.context().create_blob(kOpaque);
    ASSERT_TRUE(first && first->late);
    remote.context().detach_resource(kOpaque.res_id);
    remote.announce(placed(4096), sealed_memory(2 * kSize), 8);
    const auto second = remote.context().create_blob({kOpaque.res_id, 1, 8, kSize});
    ASSERT_TRUE(second && second->late->foreseen());
    remote.answer(placed(0), sealed_memory());
    remote.collect();
    const auto source = remote.context().map_source(kOpaque.res_id, kSize);
    ASSERT_TRUE(source) << source.error().message;
    EXPECT_EQ(source->offset, 4096u);
}

TEST(BlobPlaces, AreBounded) {
    BlobPlaces places;
    for (uint32_t id = 1; id <= BlobPlaces::kMost + 1; ++id)
        places.keep(ResourceId(id), places.expect(ResourceId(id)), {id, UniqueFd()});
    EXPECT_FALSE(places.take(ResourceId(1))) << "the lowest";
    EXPECT_EQ(places.take(ResourceId(2))->offset, 2u);
    EXPECT_FALSE(places.take(ResourceId(2))) << "once";
}

TEST(BlobPlaces, AreOfOneCreation) {
    BlobPlaces places;
    const ResourceId resource(1);
    const auto gone = places.expect(resource);
    const auto present = places.expect(resource);
    places.keep(resource, gone, {1, UniqueFd()});
    EXPECT_FALSE(places.take(resource));
    places.keep(resource, present, {2, UniqueFd()});
    EXPECT_EQ(places.take(resource)->offset, 2u);
    places.keep(resource, places.expect(resource), {3, UniqueFd()});
    places.forget(resource);
    EXPECT_FALSE(places.take(resource));
}

TEST(RemoteContext, AnUnknownCachingIsRefused) {
    Remote remote;
    transport::Reply reply{};
    reply.cache = 4;
    remote.answer(reply, sealed_memory());
    const auto blob = remote.context().create_blob(kShared);
    ASSERT_FALSE(blob);
    EXPECT_EQ(blob.error().code, EBADMSG);
}

TEST(RemoteContext, AnErrorIsAnErrno) {
    for (const int32_t error : {INT_MIN, -ENOMEM, -1, 4096, INT_MAX}) {
        Remote remote;
        transport::Reply reply{};
        reply.error = error;
        remote.answer(reply);
        EXPECT_EQ(remote.context().create_blob(kShared).error().code, EIO) << error;
    }
}

// Bytes of a reply beside its cookie.
using ReplyBytes = std::array<uint32_t, 12>;

RC_GTEST_PROP(RemoteContext, SurvivesAnyAnswer, (ReplyBytes bytes, uint8_t choice)) {
    transport::Reply reply{};
    std::memcpy(&reply.offset, bytes.data(), sizeof(bytes));
    if (choice & 1) reply.error = 0;
    if (choice & 2) reply.cache %= 8;
    const BlobRequest requests[] = {kOpaque, kShared};
    const BlobRequest& request = requests[choice % 2];
    const UniqueFd fds[] = {UniqueFd(), unsealed_memory(), sealed_memory()};
    Remote remote;
    if (choice & 128) remote.announce(reply, fds[choice / 4 % 3]);
    remote.answer(reply, fds[choice / 4 % 3]);
    const auto blob = remote.context().create_blob(request);
    if (!blob) {
        RC_ASSERT(blob.error().code >= 1 && blob.error().code < 4096);
        return;
    }
    RC_ASSERT(blob->cache <= MapCache::kWriteCombined);
    RC_ASSERT(blob->fd.valid() == (request.kind() != BlobKind::kOpaque));
    RC_ASSERT(!blob->fd.valid() || check_mappable(blob->fd.get(), 0, kSize).has_value());
}

}  // namespace
}  // namespace viaduct
