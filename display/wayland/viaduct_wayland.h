/* The Wayland presenter's C face: shows frames that are in dma-bufs in a window, without a copy
   where the compositor can import them. docs/display.md has the life of a frame.

   A presenter runs on a thread of its own. No function waits for the compositor or a GPU, but
   destroy() waits for the last callback. Functions may be called from any thread; callbacks come
   from the presenter's, and may call any function but destroy(). */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct viaduct_presenter;

/* `size` is that of the caller, which may have been built with an older header. */
struct viaduct_presenter_callbacks {
    uint32_t size; /* sizeof(struct viaduct_presenter_callbacks) */
    /* The frame was on the screen, at this time of CLOCK_MONOTONIC (0: not known). */
    void (*shown)(void* cookie, uint64_t frame, uint64_t time_ns, uint64_t refresh_ns);
    /* It was not: a newer one took its place, or it cannot be shown. */
    void (*dropped)(void* cookie, uint64_t frame);
    /* The frame's buffers are the producer's again; comes once for every frame. */
    void (*released)(void* cookie, uint64_t frame);
    /* The compositor would show a frame at once; a hidden window asks for none. */
    void (*frame_wanted)(void* cookie);
    void (*resized)(void* cookie, uint32_t width, uint32_t height);
    void (*close_requested)(void* cookie);
    /* The connection is gone, and all frames are released. `why` is a sentence, valid in the call.
     */
    void (*lost)(void* cookie, const char* why);
};

struct viaduct_frame_plane {
    int fd; /* borrowed; a dma-buf, or a memfd sealed against shrinking */
    uint32_t offset;
    uint32_t stride;
};

/* All fields may come from a guest. */
struct viaduct_frame {
    uint32_t width, height;
    uint32_t fourcc;   /* drm_fourcc.h */
    uint64_t modifier; /* drm_fourcc.h; DRM_FORMAT_MOD_INVALID: the kernel has the layout */
    uint32_t num_planes;
    struct viaduct_frame_plane planes[4];
    int acquire_fence; /* borrowed sync file; -1: the buffers' own fences decide */
    int bottom_up;     /* row 0 is the lowest */
    /* What changed since the frame before; clipped. A width of 0: everything. */
    int32_t damage_x, damage_y, damage_width, damage_height;
};

struct viaduct_presenter_counts {
    uint64_t zero_copy, copied, copied_bytes, superseded, refused;
};

/* Connects to a compositor; `display` null: to WAYLAND_DISPLAY. Members of `callbacks` may be null.
   Null, with errno set, if there is none. */
struct viaduct_presenter* viaduct_presenter_create(
    const char* display, const char* title, const struct viaduct_presenter_callbacks* callbacks,
    void* cookie);
void viaduct_presenter_destroy(struct viaduct_presenter* presenter);

/* Checks the frame and hands it over. 0, or a negative errno if it cannot be shown: -EINVAL (sizes,
   strides, planes), -ENOTSUP (format), -EACCES (not such a buffer), -EMFILE. Callbacks name the
   frame by `number`, which no frame has that is not released yet. */
int viaduct_presenter_present(struct viaduct_presenter* presenter,
                              const struct viaduct_frame* frame, uint64_t number);

void viaduct_presenter_get_counts(struct viaduct_presenter* presenter,
                                  struct viaduct_presenter_counts* counts);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
