// Prints the file behind libvirglrenderer.so.1, as a program gets it that asks by name.
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>

int main(void) {
    void* library = dlopen("libvirglrenderer.so.1", RTLD_NOW);
    struct link_map* file = NULL;
    if (!library || dlinfo(library, RTLD_DI_LINKMAP, &file) != 0) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    puts(file->l_name);
    return 0;
}
