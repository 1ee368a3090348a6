// Presenter: the life of a frame, from present() to its commit and its release.
#include <algorithm>
#include <tuple>
#include <utility>

#include "blob/dmabuf.h"
#include "display/wayland/presenter.h"

namespace viaduct::wayland {

namespace {

WindowSize size_of(const Frame& frame) {
    return {static_cast<int32_t>(frame.layout().width),
            static_cast<int32_t>(frame.layout().height)};
}

}  // namespace

// One frame at a time: the compositor asks for the next when it makes use of it.
bool Presenter::may_commit() const {
    const bool formats_known =
        feedback_.tables() > 0 ||
        globals_.dmabuf_version() < ZWP_LINUX_DMABUF_V1_GET_SURFACE_FEEDBACK_SINCE_VERSION;
    return connection_watch_ && window_ && window_->configured() && formats_known &&
           !frame_callback_;
}

void Presenter::advance() {
    while (may_commit()) {
        if (!staged_) {
            if (!pending_) return;
            staged_ = std::exchange(pending_, {});
        }
        if (!advance_staged()) return;
    }
}

// False: the frame waits for something, which will call advance() again.
bool Presenter::advance_staged() {
    if (staged_->fence || staged_->copying) return false;
    const Frame& frame = staged_->frame;
    if (!window_->fits({frame.crop().width, frame.crop().height})) {
        drop_staged("it exceeds the window, and the compositor has no wp_viewporter to scale it");
        return true;
    }
    if (frame.cropped() && !window_->can_crop()) {
        drop_staged("it is cropped, and the compositor has no wp_viewporter to crop it");
        return true;
    }
    const bool importable = globals_.dmabuf && !frame.plain_memory();
    const auto modifier =
        importable ? feedback_.table().modifier_for(frame.layout().fourcc, frame.layout().modifier)
                   : std::nullopt;
    if (modifier) {
        Buffer& buffer = cache_.find_or_create(frame, *modifier, globals_.dmabuf.get());
        if (buffer.state == Buffer::State::kCreating) return false;
        if (buffer.state == Buffer::State::kReady) return commit_dmabuf(buffer);
    }
    if (copy_by_gpu()) return false;
    if (can_copy(staged_->frame)) return commit_copy();
    drop_staged("the compositor cannot import it, and its layout cannot be copied");
    return true;
}

bool Presenter::commit_dmabuf(Buffer& buffer) {
    if (!hand_fence_on(buffer)) return staged_->fence == 0;
    const Hold hold{staged_->number, staged_->target};
    if (explicit_sync_) {
        auto released = explicit_sync_->set_points(buffer);
        if (!released) {
            stop_explicit_sync(released.error());
            return true;  // again, in the other way
        }
        ++buffer.points_pending;
        ++counts_.explicit_points;
        when_readable(*std::move(released), [this, hold, &buffer] {
            --buffer.points_pending;
            let_go(hold);
        });
    } else {
        buffer.held.push_back(hold);
    }
    if (!staged_->original) {
        ++counts_.zero_copy;
        commit(buffer.handle.get());
        return true;
    }
    // The frame is its producer's again when it has been copied.
    ++counts_.blitted;
    UniqueFd copied = staged_->frame.acquire_fence().duplicate();
    commit(buffer.handle.get());
    const auto release = [this, number = hold.frame] { post_released(number); };
    if (copied)
        when_readable(std::move(copied), release);
    else
        release();
    return true;
}

void Presenter::let_go(const Hold& hold) {
    if (hold.target == 0)
        post_released(hold.frame);
    else
        gpu_copies_->give_back(hold.target);
}

// True: the frame waits for the GPU's copy, or for a buffer to put one in.
bool Presenter::copy_by_gpu() {
    const FormatTable& table = feedback_.table();
    if (staged_->original) {  // its copy cannot be imported
        const FrameLayout& copy = staged_->frame.layout();
        const bool refused = table.modifier_for(copy.fourcc, copy.modifier).has_value();
        if (refused) gpu_copies_->refuse(staged_->original->layout());
        gpu_copies_->give_back(std::exchange(staged_->target, 0));
        staged_->frame = *std::exchange(staged_->original, {});
        if (refused) return false;
        // The table has changed meanwhile: another copy may do.
    }
    const auto kind = globals_.dmabuf ? gpu_copies_->kind_for(staged_->frame, table) : std::nullopt;
    if (!kind) return false;
    if (!gpu_copies_->ready(*kind)) return true;
    staged_->copying = gpu_copies_->begin(staged_->frame, *kind, table.main_device());
    return staged_->copying;
}

void Presenter::take_gpu_copy() {
    auto copied = gpu_copies_->take();
    if (!copied) return;
    if (!staged_ || !staged_->copying) {  // the connection was lost meanwhile
        gpu_copies_->give_back(copied->target);
        return;
    }
    staged_->copying = false;
    const auto [width, height, fourcc] =
        std::tuple(copied->original.layout().width, copied->original.layout().height,
                   fourcc_name(copied->original.layout().fourcc));
    if (!copied->copy) {
        if (copied->copy.error().code != ENODEV)
            log_.log(LogLevel::kWarning, "blit", "the GPU cannot copy a frame of {}x{} in {}: {}",
                     width, height, fourcc, copied->copy.error().message);
        staged_->frame = std::move(copied->original);
        return;
    }
    log_.log(LogLevel::kInfo, "blitted", "a frame of {}x{} in {} was copied by the GPU", width,
             height, fourcc);
    staged_->original = std::move(copied->original);
    staged_->frame = *std::move(copied->copy);
    staged_->target = copied->target;
}

// The GPU's work for the frame: the compositor waits for it, by an acquire point or by the
// dma-buf's own fences. Where the kernel refuses the fence, it is waited for here.
bool Presenter::hand_fence_on(Buffer& buffer) {
    const bool waited = staged_->fence_done;
    UniqueFd own;
    int fence = waited ? -1 : staged_->frame.acquire_fence().get();
    if (explicit_sync_) {
        if (fence < 0 && !waited)
            if (auto exported = export_sync_file(buffer.memory[0]->get(), BufferAccess::kRead)) {
                own = *std::move(exported);
                fence = own.get();
            }
        const auto prepared = explicit_sync_->prepare(buffer, fence);
        if (prepared) return true;
        if (fence < 0) {
            stop_explicit_sync(prepared.error());
            return true;
        }
    } else {
        if (fence < 0) return true;
        const auto& memory = buffer.memory;
        if (std::ranges::all_of(memory, [fence](const SharedFd& plane) {
                return import_sync_file(plane->get(), fence, BufferAccess::kWrite).has_value();
            }))
            return true;
    }
    wait_for(UniqueFd::duplicate_of(fence));
    return false;
}

// A fence that cannot be watched counts as signalled: `fence` is 0 then.
void Presenter::wait_for(UniqueFd fence) {
    staged_->fence_done = true;
    staged_->fence = watches_.add_once(std::move(fence), [this] {
        if (staged_) staged_->fence = 0;
    });
}

bool Presenter::can_copy(const Frame& frame) const {
    return frame.is_linear() && frame.layout().planes.size() == 1 &&
           globals_.has_shm_format(frame.layout().fourcc);
}

bool Presenter::commit_copy() {
    const Frame& frame = staged_->frame;
    if (!copies_->ready(frame)) return false;
    if (!staged_->fence_done && !frame.plain_memory()) {
        UniqueFd fence = frame.acquire_fence().duplicate();
        if (!fence)
            if (auto exported = export_sync_file(frame.buffer(0)->get(), BufferAccess::kRead))
                fence = *std::move(exported);
        if (fence) {
            wait_for(std::move(fence));
            return staged_->fence == 0;
        }
    }
    const auto copy = copies_->copy(frame);
    if (!copy) {
        drop_staged(copy.error().message.c_str());
        return true;
    }
    if (explicit_sync_) explicit_sync_->suspend();
    ++counts_.copied;
    counts_.copied_bytes += uint64_t{frame.layout().width} * frame.layout().height *
                            bytes_per_pixel(frame.layout().fourcc);
    log_.log(LogLevel::kInfo, "copied", "a frame of {}x{} in {} was copied for the compositor",
             frame.layout().width, frame.layout().height, fourcc_name(frame.layout().fourcc));
    const uint64_t number = staged_->number;
    commit(*copy);
    post_released(number);
    return true;
}

// wayland.xml, damage_buffer: counts the buffer's rows, before its transform.
void Presenter::set_damage(const Waiting& next) {
    const WindowSize size = size_of(next.frame);
    const bool lost = std::exchange(damage_lost_, false) || next.damage_lost;
    const bool whole = std::exchange(last_size_, size) != size || lost;
    FrameRect rect = whole ? FrameRect{0, 0, size.width, size.height} : next.frame.damage();
    if (next.frame.bottom_up()) rect.y = size.height - rect.y - rect.height;
    if (rect.width > 0 && rect.height > 0)
        wl_surface_damage_buffer(window_->surface(), rect.x, rect.y, rect.width, rect.height);
}

void Presenter::commit(wl_buffer* buffer) {
    static constexpr wl_callback_listener kListener = {
        .done =
            [](void* data, wl_callback*, uint32_t) {
                auto& self = *static_cast<Presenter*>(data);
                self.frame_callback_.reset();
                if (self.explicit_sync_) self.explicit_sync_->frame_used();
                if (!self.feedbacks_) self.post_shown(self.committed_, ShownFrame());
                if (!self.staged_ && !self.pending_)
                    self.post([](PresenterListener& listener) { listener.frame_wanted(); });
            },
    };
    set_damage(*staged_);
    frame_callback_.reset(wl_surface_frame(window_->surface()));
    wl_callback_add_listener(frame_callback_.get(), &kListener, this);
    if (feedbacks_) feedbacks_->ask(window_->surface(), staged_->number);
    window_->commit(buffer, staged_->frame);
    committed_ = staged_->number;
    post([number = staged_->number](PresenterListener& listener) { listener.committed(number); });
    staged_.reset();
}

void Presenter::drop_staged(const char* why) {
    const FrameLayout& layout = staged_->frame.layout();
    last_refusal_ = fmt::format("{}x{} in {} with modifier {:#x}: {}", layout.width, layout.height,
                                fourcc_name(layout.fourcc), layout.modifier, why);
    log_.log(LogLevel::kWarning, "refused", "cannot show a frame of {}", last_refusal_);
    ++counts_.refused;
    damage_lost_ = true;
    if (staged_->target != 0) gpu_copies_->give_back(staged_->target);
    post_dropped(staged_->number);
    post_released(staged_->number);
    staged_.reset();
}

void Presenter::buffer_created(Buffer& buffer) {
    ++counts_.imports;
    if (buffer.state != Buffer::State::kFailed) return;
    ++counts_.failed_imports;
    log_.log(LogLevel::kWarning, "import",
             "the compositor cannot import a dma-buf of {}x{} in {} with modifier {:#x}",
             buffer.layout.width, buffer.layout.height, fourcc_name(buffer.layout.fourcc),
             buffer.layout.modifier);
}

// The compositor's GPU may read on after this event: its fences are in the dma-buf.
void Presenter::buffer_released(Buffer& buffer) {
    for (const Hold& hold : std::exchange(buffer.held, {})) {
        auto fence = export_sync_file(buffer.memory[0]->get(), BufferAccess::kWrite);
        if (fence)
            when_readable(*std::move(fence), [this, hold] { let_go(hold); });
        else
            let_go(hold);
    }
}

// A descriptor that the kernel cannot watch, for want of memory, counts as readable.
void Presenter::when_readable(UniqueFd fd, const Watches::Ready& ready) {
    if (watches_.add_once(std::move(fd), ready) == 0) ready();
}

}  // namespace viaduct::wayland
