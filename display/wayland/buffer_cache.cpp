#include "display/wayland/buffer_cache.h"

#include <algorithm>

#include "display/wayland/protocol.h"

namespace viaduct::wayland {

const zwp_linux_buffer_params_v1_listener BufferCache::kParamsListener = {
    .created =
        [](void* data, zwp_linux_buffer_params_v1* params, wl_buffer* handle) {
            Buffer* buffer = self<BufferCache>(data).find(params);
            buffer->params.reset();
            buffer->handle.reset(handle);
            buffer->state = Buffer::State::kReady;
            wl_buffer_add_listener(handle, &kBufferListener, data);
            self<BufferCache>(data).events_.created(*buffer);
        },
    .failed =
        [](void* data, zwp_linux_buffer_params_v1* params) {
            Buffer* buffer = self<BufferCache>(data).find(params);
            buffer->params.reset();
            buffer->state = Buffer::State::kFailed;
            self<BufferCache>(data).events_.created(*buffer);
        },
};

// Undefined on a surface with explicit synchronisation; nothing is held by it there.
const wl_buffer_listener BufferCache::kBufferListener = {
    .release =
        [](void* data, wl_buffer* handle) {
            self<BufferCache>(data).events_.released(*self<BufferCache>(data).find(handle));
        },
};

Buffer* BufferCache::find(const void* proxy) {
    const auto found = std::ranges::find_if(buffers_, [proxy](const Buffer& buffer) {
        return buffer.params.get() == proxy || buffer.handle.get() == proxy;
    });
    return &*found;
}

Buffer& BufferCache::find_or_create(const Frame& frame, uint64_t modifier,
                                    zwp_linux_dmabuf_v1* dmabuf) {
    const auto known = std::ranges::find(buffers_, frame.layout(), &Buffer::layout);
    if (known != buffers_.end()) {
        buffers_.splice(buffers_.begin(), buffers_, known);
        return buffers_.front();
    }
    drop_oldest();
    Buffer& buffer = buffers_.emplace_front();
    create(buffer, frame, modifier, dmabuf);
    zwp_linux_buffer_params_v1_add_listener(buffer.params.get(), &kParamsListener, this);
    return buffer;
}

// `create`, never `create_immed`: where an import fails, that ends the whole connection.
void BufferCache::create(Buffer& buffer, const Frame& frame, uint64_t modifier,
                         zwp_linux_dmabuf_v1* dmabuf) {
    const FrameLayout& layout = frame.layout();
    buffer.layout = layout;
    buffer.params.reset(zwp_linux_dmabuf_v1_create_params(dmabuf));
    for (uint32_t i = 0; i < layout.planes.size(); ++i) {
        buffer.memory.push_back(frame.buffer(i));
        zwp_linux_buffer_params_v1_add(buffer.params.get(), frame.buffer(i)->get(), i,
                                       layout.planes[i].offset, layout.planes[i].stride,
                                       static_cast<uint32_t>(modifier >> 32),
                                       static_cast<uint32_t>(modifier));
    }
    zwp_linux_buffer_params_v1_create(buffer.params.get(), static_cast<int32_t>(layout.width),
                                      static_cast<int32_t>(layout.height), layout.fourcc, 0);
}

void BufferCache::drop_oldest() {
    for (auto at = buffers_.end(); at != buffers_.begin() && buffers_.size() >= kMost;) {
        --at;
        if (!at->busy()) at = buffers_.erase(at);
    }
}

void BufferCache::retry_failed() {
    buffers_.remove_if([](const Buffer& buffer) { return buffer.state == Buffer::State::kFailed; });
}

}  // namespace viaduct::wayland
