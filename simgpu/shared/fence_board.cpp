#include "simgpu/shared/fence_board.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <span>

#include "base/mutex.h"
#include "simgpu/fork_mutex.h"
#include "simgpu/log.h"
#include "simgpu/shared/lock.h"
#include "simgpu/shared/segment.h"

namespace simgpu::shared {

namespace {

std::span<PostPlace> bucket_of(PostTable& table, const MemoryId& memory) {
    const uint64_t hash = (memory.inode * 0x9e3779b97f4a7c15u) >> 32 ^ memory.device;
    return std::span(table.places).subspan(hash % kPostBuckets * kPostsPerBucket, kPostsPerBucket);
}

std::atomic<FenceBoard::Kernel> own_kernel = FenceBoard::Kernel::kHost;

bool is_of(const PostPlace& place, const MemoryId& memory) {
    return place.owner != 0 && place.device == memory.device && place.inode == memory.inode;
}

}  // namespace

void SharedDevice::clear_posts(uint32_t seat) {
    PostTable& table = segment_->posts;
    for (PostPlace& place : table.places) {
        if (place.owner != seat + 1) continue;
        place.owner = 0;
        ++place.generation;
    }
    table.events.fetch_add(1);
    futex_wake_all(table.events);
}

void FenceBoard::act_for(Kernel kernel) {
    own_kernel = kernel;
}

std::shared_ptr<FenceBoard> FenceBoard::instance() {
    static auto& mutex = *new ForkMutex;  // outlives static objects
    static pid_t process = 0;
    static auto& board = *new std::shared_ptr<FenceBoard>;  // threads use it while others exit
    const viaduct::LockGuard lock(mutex);
    if (board && process == ::getpid()) return board;
    const char* const what = own_kernel == Kernel::kGuest ? "guest-dma-bufs" : "dma-bufs";
    auto seat = SharedDevice::attach(own_segment_name(what), {});
    if (!seat) {
        log("work on shared buffers will not be ordered between processes: {}",
            seat.error().message);
        return nullptr;
    }
    process = ::getpid();
    board.reset(new FenceBoard(std::move(*seat)));
    return board;
}

FenceBoard::Post FenceBoard::post(const MemoryId& memory, bool writes, const Post& previous) {
    PostTable& table = seat_->segment_->posts;
    const uint32_t owner = seat_->seat_ + 1;
    const SharedDevice::Lock lock(*seat_);
    if (previous.place != UINT32_MAX) {
        PostPlace& place = table.places[previous.place];
        if (place.owner == owner && place.generation == previous.generation)
            return {previous.place, place.generation, ++place.posted};
    }
    const auto bucket = bucket_of(table, memory);
    const auto free = std::ranges::find(bucket, 0u, &PostPlace::owner);
    if (free == bucket.end()) return {};
    *free = {.owner = owner,
             .generation = free->generation,
             .device = memory.device,
             .inode = memory.inode,
             .posted = 1,
             .finished = 0,
             .writes = writes,
             .pad = 0};
    return {static_cast<uint32_t>(&*free - table.places.data()), free->generation, 1};
}

void FenceBoard::finish(const Post& post) {
    // A forked child has inherited copies of fences: what they stand for is its parent's.
    if (post.place == UINT32_MAX || !seat_->file_) return;
    PostTable& table = seat_->segment_->posts;
    {
        const SharedDevice::Lock lock(*seat_);
        PostPlace& place = table.places[post.place];
        if (place.owner != seat_->seat_ + 1 || place.generation != post.generation) return;
        place.finished = std::max(place.finished, post.sequence);
        if (place.finished == place.posted) {
            place.owner = 0;
            ++place.generation;
        }
        table.events.fetch_add(1);
    }
    if (table.waiters != 0) futex_wake_all(table.events);
}

std::vector<FenceBoard::Use> FenceBoard::others(const MemoryId& memory) {
    PostTable& table = seat_->segment_->posts;
    std::vector<Use> uses;
    const SharedDevice::Lock lock(*seat_);
    for (const PostPlace& place : bucket_of(table, memory)) {
        if (!is_of(place, memory) || place.owner == seat_->seat_ + 1) continue;
        const auto index = static_cast<uint32_t>(&place - table.places.data());
        uses.push_back({{index, place.generation, place.posted}, place.writes != 0});
    }
    return uses;
}

bool FenceBoard::is_pending(const Post& post) const {
    const SharedDevice::Lock lock(*seat_);
    const PostPlace& place = seat_->segment_->posts.places[post.place];
    return place.owner != 0 && place.generation == post.generation &&
           place.finished < post.sequence;
}

uint32_t FenceBoard::events() const {
    return seat_->segment_->posts.events;
}

void FenceBoard::wait(uint32_t seen) {
    PostTable& table = seat_->segment_->posts;
    ++table.waiters;
    futex_wait(table.events, seen, kLookAgainNs);
    --table.waiters;
    seat_->reclaim_dead_seats();
}

}  // namespace simgpu::shared
